// SPDX-License-Identifier: Apache-2.0
import { sleep, type Clock } from '@llm-d/determinism';
import { formatSeconds, type RunningWorkload, type RunProgress } from '@llm-d/workload';
import { Presets, SingleBar } from 'cli-progress';

/** Where the command writes. */
export interface BenchOutput {
  write(text: string): unknown;
  /** The terminal to draw a moving bar on, when there is one. */
  readonly terminal?: NodeJS.WritableStream;
}

/** What is shown while an arm runs. */
export interface ShowProgressOptions {
  readonly arm: string;
  /** When the last request is intended at the latest. */
  readonly expectedMs: number;
  readonly clock: Clock;
  readonly output: BenchOutput;
}

const BAR_INTERVAL_MS = 250;
const LINE_INTERVAL_MS = 5000;
const BAR_FORMAT = ' {arm} {bar} {percentage}% | {figures}';

/** Shows how a run goes until it has ended: a bar on a terminal, else a line every five seconds. */
export async function showProgress(
  running: RunningWorkload,
  options: ShowProgressOptions,
): Promise<void> {
  const { clock, output } = options;
  const view = output.terminal ? barView(output.terminal, options) : lineView(options);
  const done = new AbortController();
  const finished = running.result.finally(() => {
    done.abort();
  });
  while (await waited(clock, view.intervalMs, done.signal)) view.show(running.progress());
  await finished;
  view.end(running.progress());
}

/** True after the interval, false when the run has ended before. */
async function waited(clock: Clock, intervalMs: number, signal: AbortSignal): Promise<boolean> {
  try {
    await sleep(clock, intervalMs, signal);
    return true;
  } catch {
    return false;
  }
}

interface ProgressView {
  readonly intervalMs: number;
  show(progress: RunProgress): void;
  end(progress: RunProgress): void;
}

function barView(stream: NodeJS.WritableStream, options: ShowProgressOptions): ProgressView {
  const { arm, expectedMs } = options;
  const bar = new SingleBar(
    { stream, format: BAR_FORMAT, barsize: 24, hideCursor: true },
    Presets.shades_classic,
  );
  bar.start(expectedMs, 0, { arm, figures: '' });
  const show = (progress: RunProgress): void => {
    bar.update(Math.min(expectedMs, progress.elapsedMs), { figures: progressFigures(progress) });
  };
  return {
    intervalMs: BAR_INTERVAL_MS,
    show,
    end: (progress) => {
      show(progress);
      bar.stop();
    },
  };
}

function lineView({ arm, output }: ShowProgressOptions): ProgressView {
  const show = (progress: RunProgress): void => {
    output.write(`${arm}: ${progressFigures(progress)}\n`);
  };
  return { intervalMs: LINE_INTERVAL_MS, show, end: show };
}

/** The figures of a run so far on one line. */
export function progressFigures(progress: RunProgress): string {
  const { elapsedMs, sent, ok, failed, inFlight, ttftMeanMs } = progress;
  return [
    `${(elapsedMs / 1000).toFixed(0)} s`,
    `sent ${sent}`,
    `ok ${ok}`,
    `failed ${failed}`,
    `in flight ${inFlight}`,
    `TTFT mean ${ttftMeanMs === undefined ? '–' : formatSeconds(ttftMeanMs / 1000)}`,
  ].join('  ');
}
