// SPDX-License-Identifier: Apache-2.0
export { startModelServer } from './model-server.ts';
export { runProgram, startProgram, ProgramStartError } from './program.ts';
export { openRawConnection } from './raw-connection.ts';
export { readExposition } from './exposition.ts';
export { createTempDir } from './temp-dir.ts';
export { isSkipped, obtain, pathOf, titleWith } from './real-parts/real-part.ts';
export { findEnvoy, freePorts, startEnvoy } from './real-parts/envoy.ts';
export { findH2spec } from './real-parts/h2spec.ts';
export { findRedisServer, startRedisServer } from './real-parts/redis-server.ts';
export { findNatsServer, startNatsServer } from './real-parts/nats-server.ts';
export { findVllm } from './real-parts/vllm.ts';
export { startVllm } from './real-parts/vllm-server.ts';

export type { ModelServer, ModelServerOptions, ReceivedRequest } from './model-server.ts';
export type { Behaviour, Script } from './behaviour.ts';
export type { ProgramEnd, ProgramOptions, RunningProgram } from './program.ts';
export type { RawConnection } from './raw-connection.ts';
export type { Exposition } from './exposition.ts';
export type { TempDir } from './temp-dir.ts';
export type { MakingSteps, RealPart, RealPartRecipe } from './real-parts/real-part.ts';
export type { EnvoyOptions, RunningEnvoy } from './real-parts/envoy.ts';
export type { RedisServerOptions, RunningRedisServer } from './real-parts/redis-server.ts';
export type { NatsServer, NatsServerOptions } from './real-parts/nats-server.ts';
export type { RunningVllm, VllmKvEvents, VllmOptions } from './real-parts/vllm-server.ts';
