// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import protobuf from 'protobufjs';
import { typesOf } from './message-types.testing.ts';

const folder = fileURLToPath(new URL('../proto', import.meta.url));
const sources = [
  'envoy/service/ext_proc/v3/external_processor.proto',
  'grpc/health/v1/health.proto',
  'indexer/v1/indexer.proto',
];
const header =
  '// SPDX-License-Identifier: Apache-2.0\n// Generated from the .proto files. Do not edit.\n';

/** What src/gen must hold, by file name, made from the .proto files. */
export function generate(): Readonly<Record<'codecs.ts' | 'messages.ts', string>> {
  // A .ts file, so that the compiler carries it into dist; its types are those of messages.ts.
  return {
    'codecs.ts': `// @ts-nocheck\n${header}${codecs()}`,
    'messages.ts': header + messages(),
  };
}

function codecs(): string {
  const pbjs = fileURLToPath(new URL('../node_modules/protobufjs-cli/bin/pbjs', import.meta.url));
  const options = [
    ...['-t', 'static-module', '-w', 'es6', '--es6', '--force-number', '--no-comments'],
    ...['--no-create', '--no-verify', '--no-convert', '--no-delimited', '--no-typeurl'],
    // Node resolves CommonJS subpaths from ES modules by file name only.
    ...['--no-service', '--dependency', 'protobufjs/minimal.js', '-r', 'llm-d', '-p', folder],
  ];
  const run = { cwd: folder, encoding: 'utf8' } as const;
  return execFileSync(process.execPath, [pbjs, ...options, ...sources], run);
}

function messages(): string {
  const root = new protobuf.Root();
  root.resolvePath = (_origin, target) => join(folder, target);
  return typesOf(root.loadSync(sources).resolveAll());
}
