// SPDX-License-Identifier: Apache-2.0
import { fillTemplate } from '../base-config/template-language.ts';
import type { TemplateScope } from '../base-config/template-functions.ts';
import { TemplateError } from '../base-config/template-position.ts';
import type { Findings } from '../findings.ts';
import type { RoleSettings } from '../settings/settings.ts';
import type { OverlayContainer } from './container-overlay.ts';

/** The containers with templates in their arguments filled in; what {@link checkArgs} has reported stays as it is. */
export const withFilledArgs = (
  containers: readonly OverlayContainer[],
  scope: TemplateScope,
): readonly OverlayContainer[] =>
  containers.map(({ args, ...container }) => ({
    ...container,
    ...(args !== undefined && { args: args.map((arg) => filled(arg, scope) ?? arg) }),
  }));

/** Reports templates in arguments that cannot be filled in. */
export function checkArgs(
  { path, spec }: RoleSettings,
  scope: TemplateScope,
  findings: Findings,
): void {
  for (const list of ['containers', 'initContainers'] as const) {
    for (const [at, { args = [] }] of (spec[list] ?? []).entries()) {
      for (const [index, arg] of args.entries()) {
        filled(arg, scope, (message) => {
          findings.problem(`${path}.${list}[${at}].args[${index}]`, message);
        });
      }
    }
  }
}

function filled(
  arg: string,
  scope: TemplateScope,
  report: (message: string) => void = () => undefined,
): string | undefined {
  try {
    return fillTemplate(arg, scope);
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error;
    report(error.message);
    return undefined;
  }
}
