// SPDX-License-Identifier: Apache-2.0
import type { ResolvedPlugin } from '../resolved-config.ts';
import type { LintFinding } from './config-lint.ts';
import { fieldOf, numberOf, pluginNamed, type LintContext } from './lint-context.ts';

/** Filters that keep an endpoint of the wrong role out of a stage. */
const ROLE_FILTERS = new Set([
  'decode-filter',
  'prefill-filter',
  'encode-filter',
  'label-selector-filter',
  'by-label',
  'by-label-selector',
]);

/** What is odd about the stages of disaggregated serving. */
export function stageFindings(context: LintContext): LintFinding[] {
  const handler = pluginNamed(context, context.config.handler);
  if (handler === undefined) return [];
  switch (handler.type) {
    case 'disagg-profile-handler':
    case 'pd-profile-handler':
      return [...prefillFindings(handler, context), ...roleFindings(context)];
    case 'header-profile-handler':
      return roleFindings(context);
    default:
      return [];
  }
}

/** Name of the decider of prefill, wherever the handler's parameters have it. */
const prefillDecider = ({ parameters }: ResolvedPlugin): string | undefined => {
  const name =
    fieldOf(fieldOf(parameters, 'deciders'), 'prefill') ??
    fieldOf(parameters, 'prefillDeciderPluginName') ??
    fieldOf(parameters, 'deciderPluginName');
  return typeof name === 'string' && name !== '' ? name : undefined;
};

function prefillFindings(handler: ResolvedPlugin, context: LintContext): LintFinding[] {
  const profiles = context.config.profiles.map(({ name }) => name);
  const named =
    fieldOf(fieldOf(handler.parameters, 'profiles'), 'prefill') ??
    fieldOf(handler.parameters, 'prefillProfile');
  const profile = typeof named === 'string' ? named : 'prefill';
  if (!profiles.includes(profile)) return [];
  const never = (subject: string, message: string): LintFinding[] => [
    { severity: 'warning', subject, message: `${message}, so profile ${profile} never runs` },
  ];
  const name = prefillDecider(handler);
  if (name === undefined) {
    const first = fieldOf(handler.parameters, 'stageOrder') === 'prefill-first';
    return first ? [] : never(handler.name, 'no decider for prefill');
  }
  const decider = pluginNamed(context, name);
  if (decider?.type !== 'prefix-based-pd-decider') return [];
  return numberOf(decider, 'nonCachedTokens') === 0
    ? never(name, 'nonCachedTokens is 0, which means never to disaggregate')
    : [];
}

function roleFindings(context: LintContext): LintFinding[] {
  if (context.config.profiles.length < 2) return [];
  return context.config.profiles
    .filter(
      ({ filters }) =>
        !filters.some((filter) => ROLE_FILTERS.has(pluginNamed(context, filter)?.type ?? '')),
    )
    .map(({ name }) => ({
      severity: 'warning',
      subject: name,
      message:
        'no filter by role: the stage may be placed on endpoints that are meant for another one',
    }));
}
