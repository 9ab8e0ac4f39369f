// Looks at flows, one JSON string of XML a line: by the types of the Metadata API's WSDL, as jsforce has them,
// and with Lightning Flow Scanner. Prints, for each, its elements and what is wrong with it.
const { readFileSync, writeFileSync, mkdtempSync, rmSync } = require("fs");
const { tmpdir } = require("os");
const { join } = require("path");
const { ApiSchemas } = require("jsforce/lib/api/metadata/schema");
const scanner = require("lightning-flow-scanner-core");
const { convert } = require("xmlbuilder2");

// What jsforce's WSDL is too old for (API version 44), by the public Metadata API guide.
const LATER = {
  Flow: { apiVersion: "number", environments: ["string"] },
  FlowStart: {
    doesRequireRecordChangedToMeetCriteria: "boolean",
    filterLogic: "string",
    recordTriggerType: "string",
    scheduledPaths: ["FlowScheduledPath"],
  },
  FlowRecordLookup: { filterLogic: "string" },
  FlowRecordUpdate: { filterLogic: "string" },
  FlowRecordCreate: { storeOutputAutomatically: "boolean" },
};
const NEW = {
  FlowScheduledPath: {
    extends: "FlowElement",
    props: { connector: "?FlowConnector", label: "?string", offsetNumber: "?number", offsetUnit: "?string",
      timeSource: "?string" },
  },
};

// Values of some elements, by the same guide.
const VALUES = {
  "FlowCondition.operator": /^(EqualTo|NotEqualTo|GreaterThan|LessThan|GreaterThanOrEqualTo|LessThanOrEqualTo|StartsWith|EndsWith|Contains|IsNull)$/,
  "FlowAssignmentItem.operator": /^(Assign|Add)$/,
  "FlowScheduledPath.offsetUnit": /^(Minutes|Hours|Days|Months)$/,
  "FlowScheduledPath.timeSource": /^(RecordTriggerEvent|RecordField)$/,
  "FlowStart.recordTriggerType": /^(Create|Update|CreateAndUpdate|Delete)$/,
  "FlowStart.triggerType": /^RecordAfterSave$/,
  "FlowVariable.dataType": /^(String|Number|Boolean|Date|DateTime|SObject)$/,
  "Flow.status": /^Draft$/,
  "Flow.processType": /^AutoLaunchedFlow$/,
};
VALUES["FlowRecordFilter.operator"] = VALUES["FlowCondition.operator"];

function chain(type) {
  const schema = NEW[type] ?? ApiSchemas[type];
  return [...(schema.extends ? chain(schema.extends) : []), { type, props: { ...schema.props, ...LATER[type] } }];
}

// Problems of an element: unknown children, wrong values, missing ones, those out of the schema's order.
function check(type, element, path) {
  const levels = chain(type);
  const order = levels.flatMap(({ props }) => Object.keys(props).sort());
  const props = Object.assign({}, ...levels.map((level) => level.props));
  const found = [];
  let last = -1;
  for (const [name, values] of children(element)) {
    const kind = props[name];
    if (kind === undefined) {
      found.push(`${path}/${name} is not known`);
      continue;
    }
    if (order.indexOf(name) < last) found.push(`${path}/${name} is out of order`);
    last = order.indexOf(name);
    if (!Array.isArray(kind) && values.length > 1) found.push(`${path}/${name} is there twice`);
    const base = (Array.isArray(kind) ? kind[0] : kind).replace("?", "");
    for (const value of values) {
      const legal = VALUES[`${type}.${name}`];
      if (legal && !legal.test(value)) found.push(`${path}/${name} may not be ${value}`);
      if (base === "string") continue;
      if (base === "number" || base === "boolean") {
        const fits = base === "number" ? !Number.isNaN(Number(value)) && value !== "" : /^(true|false)$/.test(value);
        if (!fits) found.push(`${path}/${name} is no ${base}`);
      } else {
        found.push(...check(base, value, `${path}/${name}`));
      }
    }
  }
  for (const [name, kind] of Object.entries(props)) {
    const needed = typeof kind === "string" && !kind.startsWith("?") && !(name in (LATER[type] ?? {}));
    if (needed && !children(element).some(([given]) => given === name)) found.push(`${path}/${name} is missing`);
  }
  return found;
}

function children(element) {
  if (typeof element !== "object") return [];
  return Object.entries(element)
    .filter(([name]) => !name.startsWith("@"))
    .map(([name, value]) => [name, Array.isArray(value) ? value : [value]]);
}

async function main() {
  const folder = mkdtempSync(join(tmpdir(), "flows-"));
  try {
    const said = [];
    const texts = readFileSync(0, "utf8").split("\n").filter(Boolean).map((line) => JSON.parse(line));
    for (const [number, text] of texts.entries()) {
      const path = join(folder, `flow_${number}.flow-meta.xml`);
      writeFileSync(path, text);
      const problems = check("Flow", convert(text, { format: "object" }).Flow, "Flow");
      const [parsed] = await scanner.parse([path]);
      const [result] = scanner.scan([parsed], {
        rules: { UnconnectedElement: { severity: "error" }, UnusedVariable: { severity: "error" },
          HardcodedId: { severity: "error" }, DMLStatementInLoop: { severity: "error" } },
      });
      if (parsed.errorMessage) problems.push(parsed.errorMessage);
      for (const rule of result?.ruleResults ?? []) {
        if (rule.errorMessage) problems.push(`${rule.ruleName}: ${rule.errorMessage}`);
        for (const one of rule.occurs ? rule.details : []) problems.push(`${rule.ruleName}: ${one.name}`);
      }
      const nodes = parsed.flow.elements.filter((one) => one.metaType === "node");
      said.push({ problems, nodes: nodes.map((one) => one.subtype), status: parsed.flow.status });
    }
    console.log(JSON.stringify(said));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
