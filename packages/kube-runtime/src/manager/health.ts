// SPDX-License-Identifier: Apache-2.0

/** One thing that is looked at to say how a program is. */
export interface HealthCheck {
  readonly name: string;
  readonly ok: boolean;
  /** Why, for people; also of what is well. */
  readonly reason: string;
}

/** How a program is: well if everything is. */
export interface Health {
  readonly ok: boolean;
  readonly checks: readonly HealthCheck[];
}

export const healthOf = (checks: readonly HealthCheck[]): Health => ({
  ok: checks.every(({ ok }) => ok),
  checks,
});

/** As the probes of Kubernetes' own programs print it, with the reasons where something is wrong. */
export const printHealth = ({ ok, checks }: Health): string =>
  [
    ...checks.map((check) =>
      check.ok ? `[+]${check.name} ok` : `[-]${check.name} failed: ${check.reason}`,
    ),
    ok ? 'check passed' : 'check failed',
    '',
  ].join('\n');
