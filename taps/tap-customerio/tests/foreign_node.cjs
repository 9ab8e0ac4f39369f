// Run in the folder that has customerio-node: what its App API client reads, as JSON by name.
const { APIClient, IdentifierType, verifyRequestSignature } = require("customerio-node");

const [url, key, given] = process.argv.slice(2);
const api = new APIClient(key, { url: `${url}/v1` });
const { now, cioId, email, webhook } = JSON.parse(given);
const exists = { and: [{ attribute: { field: "cio_id", operator: "exists" } }] };
const objects = { and: [{ object_attribute: { field: "object_id", operator: "exists", type_id: "1" } }] };
const months = { period: "months", steps: 3 };
const window = { start: now - 90 * 86400, end: now, res: "months" };

async function pages(first, root, limit) {
  const found = [];
  for (let start; ; ) {
    const page = await first({ start, limit });
    found.push(...(page[root] || []));
    if (!page.next || !(page[root] || []).length) return found;
    start = page.next;
  }
}

const reads = {
  people: () => pages((o) => api.searchCustomers(exists, o), "identifiers", 50),
  by_email: async () => (await api.getCustomersByEmail(email)).results,
  attributes: async () => (await api.getAttributes(cioId, IdentifierType.CioId)).customer,
  preferences: async () =>
    (await api.getCustomerSubscriptionPreferences(cioId, { idType: IdentifierType.CioId })).customer,
  activities: () => pages((o) => api.listActivities({ ...o, type: "event" }), "activities", 100),
  object_types: async () => (await api.listObjectTypes()).types,
  objects: () => pages((o) => api.findObjects("1", objects, o), "identifiers", 2),
  object: async () => (await api.getObjectAttributes("1", "company-001")).object,
  related: () => pages((o) => api.getObjectRelationships("1", "company-001", o), "cio_relationships", 2),
  segments: async () => (await api.listSegments()).segments,
  segment: async () => (await api.getSegment(5)).segment,
  members: () => pages((o) => api.getSegmentMembership(1, o), "identifiers", 30),
  count: async () => (await api.getSegmentCustomerCount(1)).count,
  topics: async () => (await api.listSubscriptionTopics()).topics,
  channels: async () => (await api.listSubscriptionChannels()).channels,
  campaigns: async () => (await api.listCampaigns()).campaigns,
  campaign: async () => (await api.getCampaign(1)).campaign,
  campaign_actions: () => pages((o) => api.getCampaignActions(2, o), "actions"),
  campaign_metrics: () => api.getCampaignMetrics(1, { version: 2, ...window }),
  campaign_links: async () => (await api.getCampaignMetricsLinks(1, months)).links,
  action_metrics: () => api.getCampaignActionMetrics(1, 101, { version: 2, ...window }),
  action_links: async () => (await api.getCampaignActionMetricsLinks(1, 101, months)).links,
  journey_metrics: async () => (await api.getCampaignJourneyMetrics(1, window)).journey_metric,
  broadcasts: async () => (await api.listBroadcasts()).broadcasts,
  broadcast_actions: async () => (await api.getBroadcastActions(51)).actions,
  broadcast_triggers: async () => (await api.getBroadcastTriggers(51)).triggers,
  trigger_status: () => api.getBroadcastTriggerStatus(51, 1),
  trigger_errors: async () => (await api.getBroadcastTriggerErrors(51, 1)).errors,
  broadcast_metrics: async () => (await api.getBroadcastMetrics(51, months)).metric,
  broadcast_links: async () => (await api.getBroadcastMetricsLinks(51, months)).links,
  newsletters: () => pages((o) => api.listNewsletters(o), "newsletters", 3),
  newsletter_contents: async () => (await api.getNewsletterContents(1)).contents,
  newsletter_links: async () => (await api.getNewsletterMetricsLinks(1, months)).links,
  test_groups: async () => (await api.getNewsletterTestGroups(1)).test_groups,
  transactional: async () => (await api.listTransactionalMessages()).messages,
  transactional_contents: async () => (await api.getTransactionalMessageContents(1)).contents,
  transactional_links: async () => (await api.getTransactionalMessageLinkMetrics(2, months)).links,
  studio_emails: async () => (await api.listDesignStudioEmails()).emails,
  studio_components: async () => (await api.listDesignStudioComponents()).components,
  studio_folders: async () => (await api.listDesignStudioFolders()).folders,
  collections: async () => (await api.listCollections()).collections,
  collection_rows: () => api.getCollectionContent(1),
  suppressions: async () => (await api.getSuppressions("bounces", {})).suppressions,
  exports: async () => (await api.listExports()).exports,
  signature: () => verifyRequestSignature(webhook),
};

async function main() {
  const found = {};
  for (const [name, read] of Object.entries(reads)) found[name] = await read();
  process.stdout.write(JSON.stringify(found));
}

main().catch((error) => {
  process.stderr.write(String(error.stack || error));
  process.exit(1);
});
