// SPDX-License-Identifier: Apache-2.0
export { registerBenchCommand, runBench } from './bench-command.ts';
export { runArms } from './run-arms.ts';
export { drawReport } from './report-view.ts';
export { createBenchWorkload } from './bench-workload.ts';
export { servedModel } from './served-model.ts';
export { BenchError } from './bench-error.ts';

export type { BenchDeps, BenchOptions } from './bench-command.ts';
export type { BenchArm, BenchPlan, RunArmsDeps, RunningArm } from './run-arms.ts';
export type { BenchOutput } from './run-progress.ts';
export type { BenchWorkload, WorkloadName, WorkloadSpec } from './bench-workload.ts';
