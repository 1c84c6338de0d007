// SPDX-License-Identifier: Apache-2.0
export { createScriptedTarget } from './scripted-target.ts';

export type { ScriptedAnswer, ScriptedTarget } from './scripted-target.ts';
