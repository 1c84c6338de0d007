// SPDX-License-Identifier: Apache-2.0
import { parseDocument } from 'yaml';
import type { Findings } from '../findings.ts';
import { isObject, type JsonObject } from '../json.ts';
import type { Settings } from '../settings/settings.ts';
import { fillTemplate } from './template-language.ts';
import { TemplateError } from './template-position.ts';
import type { TemplateScope } from './template-functions.ts';

/** Objects that a BaseConfig has templates of. */
export const baseConfigKeys = [
  'prefillDeployment',
  'decodeDeployment',
  'prefillService',
  'decodeService',
  'httpRoute',
  'inferencePool',
  'inferenceModel',
  'eppDeployment',
  'eppService',
] as const;

export type BaseConfigKey = (typeof baseConfigKeys)[number];

/** A BaseConfig, filled in. */
export interface BaseConfig {
  readonly objects: ReadonlyMap<BaseConfigKey, JsonObject>;
  readonly configMaps: readonly JsonObject[];
}

/** Fills in the templates of a BaseConfig and reads them; whatever is wrong is a problem with its key. */
export function readBaseConfig(
  data: NonNullable<Settings['baseConfig']>,
  scope: TemplateScope,
  findings: Findings,
): BaseConfig {
  const objects = new Map<BaseConfigKey, JsonObject>();
  let configMaps: readonly JsonObject[] = [];
  for (const [key, text] of Object.entries(data)) {
    const path = `baseConfig.${key}`;
    const value = valueOf(text, { scope, findings, path });
    if (value === undefined) continue;
    if (key === 'configMaps') configMaps = listOf(value, path, findings);
    else if (!isKey(key)) findings.warn(path, 'is not a known key');
    else if (isObject(value)) objects.set(key, value);
    else findings.problem(path, 'must be an object');
  }
  return { objects, configMaps };
}

const isKey = (key: string): key is BaseConfigKey =>
  (baseConfigKeys as readonly string[]).includes(key);

interface Reading {
  readonly scope: TemplateScope;
  readonly findings: Findings;
  readonly path: string;
}

/** The value of a key: filled in as text, then read as YAML. Undefined with a problem, or for nothing. */
function valueOf(text: string, { scope, findings, path }: Reading): unknown {
  try {
    const document = parseDocument(fillTemplate(text, scope));
    const [error] = document.errors;
    if (error === undefined) return (document.toJS() as unknown) ?? undefined;
    findings.problem(path, error.message.split('\n')[0] ?? 'is not YAML');
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error;
    findings.problem(path, error.message);
  }
  return undefined;
}

function listOf(value: unknown, path: string, findings: Findings): readonly JsonObject[] {
  if (Array.isArray(value) && value.every(isObject)) return value;
  findings.problem(path, 'must be a list of ConfigMaps');
  return [];
}
