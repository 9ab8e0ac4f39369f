"""The streams, in the order in which they are read: parents before what points to them."""

from __future__ import annotations

from tap_customerio.streams.activities import Activities
from tap_customerio.streams.archived import ArchivedMessages
from tap_customerio.streams.base import CustomerIOStream
from tap_customerio.streams.broadcast_runs import BroadcastErrors, BroadcastTriggers, BroadcastTriggerStatus
from tap_customerio.streams.campaigns import BroadcastActions, Broadcasts, CampaignActions, Campaigns
from tap_customerio.streams.completeness import Completeness
from tap_customerio.streams.consent import Consent, EspSuppressions, OptOuts, SubscriptionPreferences
from tap_customerio.streams.deliveries import Deliveries
from tap_customerio.streams.design_studio import (
    DesignStudioComponents,
    DesignStudioEmails,
    DesignStudioFolders,
)
from tap_customerio.streams.files import (
    AttributeChanges,
    DeliveryContents,
    DeliveryMetrics,
    Outputs,
    Subjects,
    SuppressedProfiles,
)
from tap_customerio.streams.metrics import (
    BroadcastMetrics,
    CampaignMetrics,
    JourneyMetrics,
    NewsletterMetrics,
    TransactionalMetrics,
)
from tap_customerio.streams.newsletters import (
    NewsletterContents,
    Newsletters,
    NewsletterTestGroups,
    TransactionalContents,
    TransactionalMessages,
)
from tap_customerio.streams.objects import Objects, ObjectTypes, Relationships
from tap_customerio.streams.part_metrics import (
    BroadcastActionLinkMetrics,
    BroadcastActionMetrics,
    BroadcastLinkMetrics,
    CampaignActionLinkMetrics,
    CampaignActionMetrics,
    CampaignLinkMetrics,
    NewsletterContentLinkMetrics,
    NewsletterContentMetrics,
    NewsletterLinkMetrics,
    TransactionalLinkMetrics,
)
from tap_customerio.streams.people import People
from tap_customerio.streams.segments import SegmentMemberships, Segments
from tap_customerio.streams.setup import (
    CollectionRows,
    Collections,
    Exports,
    ReportingWebhooks,
    SenderIdentities,
    Snippets,
    SubscriptionChannels,
    SubscriptionTopics,
    Workspaces,
)
from tap_customerio.streams.ui_api import STREAMS as UI_API_STREAMS

STREAMS: tuple[type[CustomerIOStream], ...] = (
    Workspaces,
    # Who and what is in the workspace
    ObjectTypes,
    Objects,
    People,
    Relationships,
    Segments,
    SegmentMemberships,
    # What they agreed to
    SubscriptionTopics,
    SubscriptionChannels,
    SubscriptionPreferences,
    OptOuts,
    EspSuppressions,
    Consent,
    # What is made of it
    SenderIdentities,
    Snippets,
    Collections,
    CollectionRows,
    DesignStudioFolders,
    DesignStudioComponents,
    DesignStudioEmails,
    Campaigns,
    CampaignActions,
    CampaignMetrics,
    CampaignActionMetrics,
    CampaignLinkMetrics,
    CampaignActionLinkMetrics,
    JourneyMetrics,
    Newsletters,
    NewsletterContents,
    NewsletterTestGroups,
    NewsletterMetrics,
    NewsletterContentMetrics,
    NewsletterLinkMetrics,
    NewsletterContentLinkMetrics,
    Broadcasts,
    BroadcastActions,
    BroadcastTriggers,
    BroadcastTriggerStatus,
    BroadcastErrors,
    BroadcastMetrics,
    BroadcastActionMetrics,
    BroadcastLinkMetrics,
    BroadcastActionLinkMetrics,
    TransactionalMessages,
    TransactionalContents,
    TransactionalMetrics,
    TransactionalLinkMetrics,
    ReportingWebhooks,
    Exports,
    # What only the user interface shows
    *UI_API_STREAMS,
    # What happened
    Activities,
    Deliveries,
    ArchivedMessages,
    # What only data-warehouse files tell
    SuppressedProfiles,
    AttributeChanges,
    Subjects,
    Outputs,
    DeliveryMetrics,
    DeliveryContents,
    # What was read of all this
    Completeness,
)

__all__ = ["STREAMS", "CustomerIOStream"]
