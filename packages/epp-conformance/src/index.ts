// SPDX-License-Identifier: Apache-2.0
export { judge } from './judge.ts';
export { commandSubject } from './subject/command-subject.ts';
export { addressSubject } from './subject/address-subject.ts';
export { conformanceCases, selectCases } from './cases/all-cases.ts';
export { topicOf, topics } from './cases/conformance-case.ts';
export { junitOf } from './report/junit.ts';
export { setups } from './subject/setup.ts';
export { SubjectStartError } from './subject/subject.ts';
export { Difference, NotJudged } from './cases/difference.ts';
export { connectExtProc, ConnectError } from './proxy/ext-proc-connection.ts';
export { runExchange } from './exchange/run-exchange.ts';
export { startEngineFleet } from './engines/fleet.ts';
export { fileEndpointSource } from './engines/endpoint-source.ts';

export type { JudgeOptions } from './judge.ts';
export type {
  CaseOutcome,
  CaseResult,
  ConformanceReport,
  LevelSummary,
} from './report/conformance-report.ts';
export type { ConformanceCase, Level, Topic } from './cases/conformance-case.ts';
export type { Bench } from './cases/bench.ts';
export type { CommandSubjectOptions } from './subject/command-subject.ts';
export type { AddressSubjectOptions, RunningDiscovery } from './subject/address-subject.ts';
export type { Setup, SetupId } from './subject/setup.ts';
export type {
  RunningSubject,
  SetupUnavailable,
  Subject,
  SubjectProcess,
} from './subject/subject.ts';
export type { EndpointSource, FleetEndpoint } from './engines/endpoint-source.ts';
export type { EngineFleet, Fleet, FleetLayout } from './engines/fleet.ts';
export type { Engine, EngineOptions } from './engines/engine.ts';
export type { EngineLoad } from './engines/vllm-exposition.ts';
export type {
  ConnectOptions,
  ExtProcConnection,
  GrpcAddress,
  OpenStreamOptions,
  Transport,
} from './proxy/ext-proc-connection.ts';
export type { Arrival, ExtProcStream, StreamEnd } from './proxy/ext-proc-stream.ts';
export type { Header, HeaderChange, HeaderList } from './proxy/header-list.ts';
export type { Plain, PlainStruct } from './proxy/plain-struct.ts';
export type {
  AnswerScript,
  BodyEnding,
  ExchangeScript,
  SubsetHint,
} from './exchange/exchange-script.ts';
export type {
  AnswerKind,
  ExchangeResult,
  ImmediateAnswer,
  PassedBody,
  Routing,
} from './exchange/exchange-result.ts';
export type { HealthClient, HealthWatch, Health } from './probes/health-client.ts';
export type { MetricsPage } from './probes/metrics-page.ts';
