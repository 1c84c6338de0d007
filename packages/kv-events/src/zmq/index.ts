// SPDX-License-Identifier: Apache-2.0
export { bindForEngines } from './bind-for-engines.ts';
export { followEngine } from './follow-engine.ts';
export { createReplayLimiter } from './replay-limiter.ts';
export { rankEndpoint } from './rank-endpoint.ts';
export { parseEventTopic } from './event-topic.ts';
export { KvEndpointError } from './kv-endpoint-error.ts';

export type { BindForEnginesOptions, BoundForEngines } from './bind-for-engines.ts';
export type { FollowEngineOptions, FollowOptions } from './follow-engine.ts';
export type { ReplayLimiter } from './replay-limiter.ts';
export type { EventTopic } from './event-topic.ts';
