// SPDX-License-Identifier: Apache-2.0
export { runWorkload } from './run-workload.ts';
export { createHttpTarget } from './http-target.ts';
export { openAiBody } from './openai-request.ts';

export { parseMooncakeTrace, MOONCAKE_BLOCK_TOKENS } from './mooncake-trace.ts';
export { parseAzureTrace } from './azure-trace.ts';
export { TraceFormatError } from './trace-format-error.ts';
export { sliceTrace } from './trace.ts';

export { openLoopWorkload } from './workload.ts';
export { traceWorkload } from './trace-workload.ts';
export { sharedPrefixWorkload } from './shared-prefix.ts';
export { multiRoundQaWorkload } from './multi-round-qa.ts';
export { prefixGroupsWorkload } from './prefix-groups.ts';
export { randomLengthsWorkload } from './random-lengths.ts';
export { constantArrivals, poissonArrivals } from './arrivals.ts';
export { createBlockPrompts } from './block-prompts.ts';
export { pseudoText } from './pseudo-text.ts';

export { LatencyHistogram } from './latency-histogram.ts';
export { bootstrapMeanInterval, distributionOf } from './distribution.ts';
export { summarizeRun } from './summary.ts';
export { FAILURE_KINDS } from './target.ts';

export { buildReport, reportArm } from './build-report.ts';
export {
  benchmarkReportSchema,
  parseBenchmarkReport,
  REPORT_SCHEMA,
  ReportFormatError,
} from './report-schema.ts';
export { comparisonTable, formatSeconds, formatShare } from './comparison.ts';
export { PREFIX_TABLE_CAPTION, prefixTable } from './prefix-table.ts';
export { cautions, verdicts } from './verdict.ts';
export { renderHtmlReport } from './html-report.ts';

export type { RunningWorkload, RunOptions, RunProgress, RunResult } from './run-workload.ts';
export type { RequestRecord } from './request-record.ts';
export type {
  FailureKind,
  ReportedUsage,
  RequestFailure,
  Submission,
  Target,
  TargetCallbacks,
} from './target.ts';
export type { HttpTarget, HttpTargetOptions } from './http-target.ts';
export type { OpenAiApi, OpenAiRequestOptions } from './openai-request.ts';
export type { TraceRequest, TraceSlice } from './trace.ts';
export type { TraceLocation } from './trace-format-error.ts';
export type { TraceParseOptions } from './trace-lines.ts';
export type {
  ChatMessage,
  Workload,
  WorkloadAnswer,
  WorkloadDescription,
  WorkloadRequest,
  WorkloadRun,
} from './workload.ts';
export type { TraceWorkloadOptions, ZipfPrefixModel } from './trace-workload.ts';
export type { SharedPrefixOptions } from './shared-prefix.ts';
export type { MultiRoundQaOptions } from './multi-round-qa.ts';
export type { PrefixGroupsOptions } from './prefix-groups.ts';
export type { LengthDistribution, RandomLengthsOptions } from './random-lengths.ts';
export type { ArrivalOptions, Arrivals } from './arrivals.ts';
export type { BlockPromptOptions, BlockPrompts } from './block-prompts.ts';
export type { PseudoTextOptions } from './pseudo-text.ts';
export type { BootstrapOptions, ConfidenceInterval, Distribution } from './distribution.ts';
export type { RunSummary, SummaryOptions } from './summary.ts';
export type { EndpointBalance, EndpointShare } from './endpoint-balance.ts';
export type { Goodput, ServiceLevel } from './goodput.ts';
export type { PrefixReuse } from './prefix-reuse.ts';
export type { PrefixSample } from './prefix-sample.ts';
export type { ReportArmOptions, ReportOptions } from './build-report.ts';
export type { HtmlReportOptions } from './html-report.ts';
export type { BenchmarkReport, ReportArm } from './report-schema.ts';
export type { ComparisonCell, ComparisonOptions, ComparisonTable } from './comparison.ts';
