import { SearchAttributeType, defineSearchAttributeKey } from '@temporalio/common';

/** By which Temporal's UI and `temporal workflow list` find a root. Never encrypted there, as nothing secret is in them. */
export const FLEET_NAME = defineSearchAttributeKey('FleetName', SearchAttributeType.KEYWORD);
export const FLEET_TEAM = defineSearchAttributeKey('FleetTeam', SearchAttributeType.KEYWORD);
/** As the memo of the same name, and in the end how the fleet ended. */
export const FLEET_STATE = defineSearchAttributeKey('FleetState', SearchAttributeType.KEYWORD);

/** All are there or none is used: an unknown one would block a workflow. */
export const FLEET_SEARCH_ATTRIBUTES = [FLEET_NAME, FLEET_TEAM, FLEET_STATE] as const;

/** Longest keyword of a PostgreSQL visibility store. */
const MAX_CHARS = 255;

export const keyword = (text: string): string => text.slice(0, MAX_CHARS);
