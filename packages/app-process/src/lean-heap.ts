// SPDX-License-Identifier: Apache-2.0
import { PerformanceObserver } from 'node:perf_hooks';
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';

/** Holds what a hundred requests need for a moment; a collection of it takes about a millisecond. */
const YOUNG_BYTES = 8 * 1024 * 1024;

/** How much garbage the rest of the heap may hold, in percent of what is in use. V8 would take up to 300. */
const OLD_GARBAGE_PERCENT = 100;

/**
 * Keeps V8's heap small, for this process and as long as it lives. The part in which objects are born would grow to
 * 128 MB under load: its collections then take long and come so rarely that buffers outside of the heap pile up, until a
 * collection of everything is needed to be rid of them. To be called before there is load.
 */
export function keepHeapLean(): void {
  setFlagsFromString(`--heap-growing-percent=${OLD_GARBAGE_PERCENT}`);
  // Otherwise every 64 MB of buffers set off a collection of everything, though nearly all of them are young.
  setFlagsFromString('--external-memory-accounted-in-global-limit');
  // `--max-semi-space-size` would say it more simply, but is only heeded on the command line.
  let grows = true;
  const observer = new PerformanceObserver(() => {
    const mayGrow = youngBytes() < YOUNG_BYTES;
    if (mayGrow === grows) return;
    grows = mayGrow;
    // V8 shrinks it in times of rest, after which it must be free to grow again.
    setFlagsFromString(`--semi-space-growth-factor=${grows ? 2 : 1}`);
  });
  observer.observe({ entryTypes: ['gc'] });
}

const youngBytes = (): number =>
  getHeapSpaceStatistics().find(({ space_name: name }) => name === 'new_space')?.space_size ?? 0;
