// SPDX-License-Identifier: Apache-2.0
import { keepHeapLean } from '@llm-d/app-process';
import { Command } from 'commander';
import { spawnSync } from 'node:child_process';
import { allBenchmarks } from './all-benchmarks.ts';
import type { Benchmark } from './benchmark.ts';
import { machine, writeResult } from './report/result-file.ts';
import { resultTable } from './report/result-table.ts';
import { GENERATOR_CORE, SUBJECT_CORE, canPin, pinSelf } from './system/pinning.ts';

async function run(benchmark: Benchmark, quick: boolean): Promise<void> {
  const conditions = { quick, startedAt: new Date(), machine: machine() };
  pinSelf(benchmark.runnerIs === 'generator' ? GENERATOR_CORE : SUBJECT_CORE);
  // A generator that pauses to collect its garbage is late, and its lateness looks like somebody else's latency.
  if (benchmark.runnerIs === 'generator') keepHeapLean();
  const result = await benchmark.run({ quick });
  const remarks = [
    ...result.remarks,
    ...(canPin ? [] : ['processes were not bound to cores']),
    ...(quick ? ['quick run: windows are too short for a figure to be quoted'] : []),
  ];
  const settled = { ...result, remarks };
  process.stdout.write(`${resultTable(benchmark.name, settled)}\n`);
  writeResult(benchmark.name, settled, conditions);
}

/** Each in a process of its own: what one has compiled, and the memory it has used, must not count for the next. */
function runAll(quick: boolean): void {
  for (const { name } of allBenchmarks) {
    const { status } = spawnSync(
      process.execPath,
      [...process.execArgv, import.meta.filename, name, ...(quick ? ['--quick'] : [])],
      { stdio: 'inherit' },
    );
    if (status !== 0) process.exitCode = 1;
  }
}

const list = allBenchmarks.map(({ name, summary }) => `  ${name.padEnd(20)}${summary}`).join('\n');

await new Command('bench')
  .description('Measures the speed of the product against its promises.')
  .argument('[name]', 'a benchmark, or "all"')
  .option('--quick', 'short windows: shows that it works, not how fast it is', false)
  .addHelpText('after', `\nBenchmarks:\n${list}`)
  .action(async (name: string | undefined, { quick }: { quick: boolean }, command: Command) => {
    if (name === undefined) {
      command.outputHelp();
      return;
    }
    if (name === 'all') {
      runAll(quick);
      return;
    }
    const benchmark = allBenchmarks.find((candidate) => candidate.name === name);
    if (benchmark === undefined) command.error(`no benchmark is called ${name}\n\n${list}`);
    await run(benchmark, quick);
  })
  .parseAsync();
