// What jsforce sees of the sandbox at URL, as JSON: it logs in, reads what the target wrote, and writes.
const jsforce = require("jsforce");

async function main() {
  const loginUrl = process.env.URL;
  const oauth2 = { clientId: "sandbox-client", clientSecret: "sandbox-secret", loginUrl };
  const conn = new jsforce.Connection({ instanceUrl: loginUrl, oauth2, version: "66.0" });
  await conn.authorize({ grant_type: "client_credentials" });
  conn.bulk2.pollInterval = 50;
  conn.bulk2.pollTimeout = 60000;
  const said = { user: (await conn.identity()).username };
  said.ours = (await conn.query(process.env.SOQL)).records;
  said.created = await conn.sobject("Lead").create({ LastName: "Ärger", Company: "Acme" });
  said.collection = await conn.sobject("Contact").create([{ LastName: "A" }, { FirstName: "none" }]);
  said.upserted = await conn.sobject("Contact").upsert({ cio_key__c: "js:1", LastName: "U" }, "cio_key__c");
  said.job = await conn.bulk2.loadAndWaitForResults({
    object: "Lead",
    operation: "insert",
    input: [
      { LastName: "Büro", Company: "C", Title: null },
      { LastName: "x".repeat(100), Company: "C", Title: "t" },
    ],
  });
  const found = await conn.bulk2.query(`SELECT Id, LastName FROM Lead WHERE Id = '${said.created.id}'`);
  said.bulkQuery = await found.toArray();
  said.updated = await conn.sobject("Lead").update({ Id: said.created.id, Title: "T" });
  said.destroyed = await conn.sobject("Lead").destroy(said.created.id);
  said.fields = (await conn.sobject("Contact").describe()).fields.map((field) => field.name);
  try {
    await conn.query("SELECT Nothing FROM Lead");
  } catch (error) {
    said.error = { code: error.errorCode, message: error.message };
  }
  console.log(JSON.stringify(said));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
