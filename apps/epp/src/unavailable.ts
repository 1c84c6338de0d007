// SPDX-License-Identifier: Apache-2.0
import type { eppFlags } from './flags/epp-flags.ts';
import type { ParsedFlags } from './flags/go-flags.ts';

/** The command line asks for something that this endpoint picker cannot do yet. */
export class UnavailableError extends Error {
  readonly code = 'UNAVAILABLE';
  readonly flag: string;
  constructor(flag: string, message: string) {
    super(`--${flag}: ${message}`);
    this.name = 'UnavailableError';
    this.flag = flag;
  }
}

type Values = ParsedFlags<typeof eppFlags>['values'];
type Name = keyof Values;

/** What cannot be had yet: when a flag asks for it, and what to do instead. Flags that are left at their default ask for nothing. */
const UNAVAILABLE: readonly (readonly [
  flag: Name,
  asks: (values: Values) => boolean,
  message: string,
])[] = [['tracing', (values) => values.tracing, 'tracing is not available yet; say =false']];

/** What llm-d does unless it is told otherwise and this endpoint picker does not do: to be known, not to be refused. */
const MISSING_DEFAULTS: readonly (readonly [flag: Name, note: string])[] = [
  ['tracing', 'no traces are sent'],
];

/** Notes for the log about defaults that are not kept. */
export const missingDefaults = ({ given }: ParsedFlags<typeof eppFlags>): readonly string[] =>
  MISSING_DEFAULTS.filter(([flag]) => !given.has(flag)).map(([, note]) => note);

/** Throws {@link UnavailableError} for the first flag that was given and asks for what is not there. */
export function refuseUnavailable({ values, given }: ParsedFlags<typeof eppFlags>): void {
  for (const [flag, asks, message] of UNAVAILABLE) {
    if (given.has(flag) && asks(values)) throw new UnavailableError(flag, message);
  }
}
