"""The objects of a fresh org, with the lengths and rights that a describe of one tells (see `fields`)."""

from __future__ import annotations

from target_salesforce.sandbox.fields import SObject, parse_object


def _address(prefix: str) -> str:
    return f"""
{prefix}Street textarea(255)
{prefix}City string(40)
{prefix}State string(80)
{prefix}PostalCode string(20)
{prefix}Country string(80)
"""


_PERSON = """
LastName string(80) required
FirstName string(40)
Salutation picklist(40) =Mr.|Ms.|Mrs.|Dr.|Prof.|Mx.
Name string(121) ro required
Title string(128)
Email email lookup
Phone phone
MobilePhone phone
Fax phone
LeadSource picklist(255) =Web|Phone Inquiry|Partner Referral|Purchased List|Other
Description textarea(32000)
HasOptedOutOfEmail boolean hidden
DoNotCall boolean hidden
"""
_INDUSTRIES = (
    "Agriculture|Banking|Consulting|Education|Energy|Finance|Healthcare|Media|Retail|Technology|Other"
)
_STATUSES = "Open - Not Contacted|Working - Contacted|Closed - Converted|Closed - Not Converted"
_ACTIVITY = """
Subject combobox(255)
WhoId reference ->Contact,Lead:Who cascade
WhatId reference ->Account,Campaign,Opportunity:What cascade
AccountId reference ro ->Account:Account
OwnerId reference default ->User,Group:Owner
Description textarea(32000)
ActivityDate date
IsArchived boolean ro
IsReminderSet boolean
ReminderDateTime datetime
Type picklist(40) hidden =Call|Meeting|Other
"""
_ALL = f"""
Account 001 Account/Accounts
Name string(255) required
AccountNumber string(40)
Type picklist(40) =Prospect|Customer - Direct|Customer - Channel|Channel Partner / Reseller|Other
Industry picklist(40) ={_INDUSTRIES}
Rating picklist(40) =Hot|Warm|Cold
Phone phone
Fax phone
Website url
AnnualRevenue currency(18,0)
NumberOfEmployees int(8)
Description textarea(32000)
ParentId reference ->Account:Parent
OwnerId reference default ->User:Owner
Site string(80)
{_address("Billing")}{_address("Shipping")}
---
Contact 003 Contact/Contacts
{_PERSON}
AccountId reference ->Account:Account cascade
ReportsToId reference ->Contact:ReportsTo
OwnerId reference default ->User:Owner
EmailBouncedReason string(255)
EmailBouncedDate datetime
HomePhone phone
OtherPhone phone
Department string(80)
Birthdate date
{_address("Mailing")}{_address("Other")}
---
Lead 00Q Lead/Leads
{_PERSON}
Company string(255) required
OwnerId reference default ->Group,User:Owner
EmailBouncedReason string(255) update
EmailBouncedDate datetime update
Website url
Status picklist(255) default ={_STATUSES}
Industry picklist(255) ={_INDUSTRIES}
Rating picklist(255) =Hot|Warm|Cold
AnnualRevenue currency(18,0)
NumberOfEmployees int(8)
IsConverted boolean create
IsUnreadByOwner boolean
ConvertedContactId reference ro ->Contact:ConvertedContact
{_address("")}
---
Opportunity 006 Opportunity/Opportunities
Name string(120) required
AccountId reference ->Account:Account cascade
StageName picklist(255) required =Prospecting|Closed Won|Closed Lost
CloseDate date required
Amount currency(18,2)
---
AccountContactRelation 07k Account Contact Relationship/Account Contact Relationships
AccountId reference required create ->Account:Account cascade
ContactId reference required create ->Contact:Contact cascade
IsDirect boolean ro
IsActive boolean
Roles multipicklist =Decision Maker|Evaluator|Influencer|Other
StartDate date
EndDate date
---
Task 00T Task/Tasks
{_ACTIVITY}
Status picklist(40) default =Not Started|In Progress|Completed|Waiting on someone else|Deferred
Priority picklist(40) default =Normal|High|Low
IsClosed boolean ro
CompletedDateTime datetime ro
TaskSubtype picklist(40) create =Task|Email|Call|ListEmail
CallDisposition string(255)
CallDurationInSeconds int(8)
---
Event 00U Event/Events
{_ACTIVITY}
DurationInMinutes int(8)
ActivityDateTime datetime
---
Campaign 701 Campaign/Campaigns
Name string(80) required
Type picklist(40) =Conference|Email|Webinar|Other
Status picklist(40) =Planned|In Progress|Completed|Aborted
IsActive boolean
StartDate date
EndDate date
Description textarea(32000)
ParentId reference ->Campaign:Parent
OwnerId reference default ->User:Owner
NumberSent double(18,0)
---
CampaignMember 00v Campaign Member/Campaign Members
CampaignId reference required create ->Campaign:Campaign cascade
LeadId reference create ->Lead:Lead cascade
ContactId reference create ->Contact:Contact cascade
LeadOrContactId reference ro ->Lead,Contact:LeadOrContact
Status picklist(40) =Sent|Responded
HasResponded boolean ro
FirstRespondedDate date ro
---
EmailTemplate 00X Email Template/Email Templates
Name string(80) required
DeveloperName string(80) required unique
FolderId reference required ->Folder:Folder
TemplateType picklist(40) required create restricted =text|html|custom|visualforce
TemplateStyle picklist(40) restricted =none|freeForm|formalLetter
UiType picklist(40) create restricted =Aloha|SFX
Encoding picklist(40) required restricted =UTF-8|ISO-8859-1|Shift_JIS
Subject string(230)
HtmlValue textarea(384000)
Body textarea(384000)
Description textarea(4000)
IsActive boolean
---
Folder 00l Folder/Folders
Name string(255) required
DeveloperName string(80) required unique
AccessType picklist(40) required restricted =Public|Hidden|Shared
Type picklist(40) required create restricted =Email|EmailTemplate|Document
IsReadonly boolean
---
User 005 User/Users
Username string(80) required
LastName string(80) required
FirstName string(40)
Name string(121) ro
Email email required
Alias string(8)
IsActive boolean
ProfileId reference ->Profile:Profile
UserPermissionsMarketingUser boolean
DefaultCurrencyIsoCode string(3)
---
Group 00G Group/Group
Name string(40) required
DeveloperName string(80)
Type picklist(40) =Queue|Regular
---
Profile 00e Profile/Profiles
Name string(255) required
---
Organization 00D Organization/Organizations
Name string(80) required
InstanceName string(5)
IsSandbox boolean ro
TrialExpirationDate datetime
NamespacePrefix string(15)
OrganizationType picklist(40) =Developer Edition|Enterprise Edition
---
TaskStatus 01T Task Status Value/Task Status Values
ApiName string(255)
MasterLabel string(255)
IsClosed boolean
IsDefault boolean
SortOrder int(8)
---
PermissionSet 0PS Permission Set/Permission Sets
Name string(80) required
Label string(80) required
---
PermissionSetAssignment 0Pa Permission Set Assignment/Permission Set Assignments
AssigneeId reference required create ->User:Assignee
PermissionSetId reference required create ->PermissionSet:PermissionSet
---
FieldPermissions 01k Field Permissions/Field Permissions
ParentId reference required create ->PermissionSet:Parent
SobjectType string(80) required create
Field string(255) required create
PermissionsRead boolean
PermissionsEdit boolean
---
ObjectPermissions 110 Object Permissions/Object Permissions
ParentId reference required create ->PermissionSet:Parent
SobjectType string(80) required create
PermissionsRead boolean
PermissionsCreate boolean
PermissionsEdit boolean
PermissionsDelete boolean
PermissionsViewAllRecords boolean
PermissionsModifyAllRecords boolean
---
EmailMessage 02s Email Message/Email Messages
Subject string(3000)
ToAddress string(4000)
Status picklist(40) =New|Read|Replied|Sent|Forwarded|Draft
RelatedToId reference ->Account:RelatedTo
---
FlowDefinitionView 3dd Flow Definition/Flow Definitions
ApiName string(255)
Label string(255)
ProcessType string(40)
TriggerType string(40)
TriggerObjectOrEventLabel string(255)
TriggerObjectOrEventId string(18)
IsActive boolean
---
ApexTrigger 01q Apex Trigger/Apex Triggers
Name string(255)
TableEnumOrId string(40)
Status string(40)
---
DuplicateRule 0Bm Duplicate Rule/Duplicate Rules
DeveloperName string(80)
MasterLabel string(80)
SobjectType string(40)
IsActive boolean
---
AssignmentRule 01Z Assignment Rule/Assignment Rules
Name string(120)
SobjectType string(40)
Active boolean
---
ValidationRule 03d Validation Rule/Validation Rules
ValidationName string(80)
EntityDefinitionId string(40)
Active boolean
---
WorkflowRule 01Q Workflow Rule/Workflow Rules
Name string(80)
TableEnumOrId string(40)
"""


def standard_objects() -> dict[str, SObject]:
    """Return the objects by name."""
    objects = [parse_object(block) for block in _ALL.split("---")]
    return {made.name: made for made in objects}
