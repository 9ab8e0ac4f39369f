// Reads queries, one JSON string a line, and parses each; ends with 1 and names the first that is none.
const { parseQuery } = require("@jetstreamapp/soql-parser-js");

const lines = require("fs").readFileSync(0, "utf8").split("\n").filter(Boolean);
for (const line of lines) {
  const query = JSON.parse(line);
  try {
    parseQuery(query);
  } catch (error) {
    console.error(query, error.message);
    process.exit(1);
  }
}
console.log(lines.length);
