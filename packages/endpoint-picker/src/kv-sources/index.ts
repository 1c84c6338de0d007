// SPDX-License-Identifier: Apache-2.0
export { createLiveKvSources } from './live-kv-sources.ts';
