// SPDX-License-Identifier: Apache-2.0
import type { PluginTable } from './plugin-table.ts';
import type { ProblemList } from './problem-list.ts';

const SINGLE = 'single-profile-handler';

/** Settles the profile handler: the only one configured, or the one for a single profile. */
export function resolveHandler(
  profiles: readonly string[],
  { table, problems }: { readonly table: PluginTable; readonly problems: ProblemList },
): string {
  const profileCount = profiles.length;
  const [handler, second] = table.withPoint('profile-handler');
  if (handler !== undefined && second !== undefined) {
    problems.add(
      second.path,
      `a second profile handler, "${second.name}" beside "${handler.name}"; only one can decide`,
    );
  }
  if (handler?.type === SINGLE && profileCount > 1) {
    problems.add(handler.path, `${SINGLE} takes exactly one profile, there are ${profileCount}`);
  }
  if (handler !== undefined) {
    const problem = handler.definition.profileProblem?.(handler.parameters, profiles);
    if (problem !== undefined) problems.add(handler.path, problem);
    return handler.name;
  }
  const created = profileCount === 1 ? table.ensure(SINGLE) : undefined;
  if (created === undefined && !table.isRefused(SINGLE)) {
    problems.add(
      ['schedulingProfiles'],
      `${profileCount} profiles need a profile handler among the plugins`,
    );
  }
  return created?.name ?? '';
}
