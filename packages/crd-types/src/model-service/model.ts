// SPDX-License-Identifier: Apache-2.0
import { Type } from 'typebox';
import { nameSchema } from '../reference.ts';
import { int32, listByKey, openObject, quantity, withRules } from '../schema.ts';

const SCHEMES = '^(hf|pvc|pvc\\+hf|oci|oci\\+native|s3|gs)://.+';

const uriSchema = (description: string) =>
  Type.String({ minLength: 1, maxLength: 1024, pattern: SCHEMES, description });

/** The name of a model as requests have it. */
export const modelNameSchema = (description: string) =>
  Type.String({ minLength: 1, maxLength: 256, description });

const secretRef = Type.Object(
  {
    name: nameSchema(),
    key: Type.Optional(
      Type.String({ minLength: 1, maxLength: 253, description: 'Its key. Default HF_TOKEN.' }),
    ),
  },
  { description: 'A secret of the same namespace that opens the place of the model.' },
);

const cache = withRules(
  Type.Object(
    {
      emptyDir: Type.Optional(
        openObject({}, { description: 'A folder that ends with the pod. The default.' }),
      ),
      hostPath: Type.Optional(
        Type.Object(
          { path: Type.String({ minLength: 1, maxLength: 4096 }) },
          {
            description: 'A folder of the node that outlives the pod.',
          },
        ),
      ),
      pvc: Type.Optional(
        withRules(
          Type.Object(
            {
              claimName: Type.Optional(nameSchema()),
              size: Type.Optional(quantity({ description: 'Makes a claim of this size.' })),
              storageClassName: Type.Optional(Type.String({ maxLength: 253 })),
              accessModes: Type.Optional(
                Type.Array(Type.String({ maxLength: 63 }), {
                  minItems: 1,
                  maxItems: 4,
                  description: 'Default ReadWriteMany: prefill and decode share one download.',
                }),
              ),
            },
            { description: 'A claim that is there, or one that is made.' },
          ),
          [
            {
              rule: 'has(self.claimName) != has(self.size)',
              message: 'either claimName or size is required, and not both',
              holds: ({ claimName, size }) => (claimName === undefined) !== (size === undefined),
            },
          ],
        ),
      ),
    },
    { description: 'Where what is fetched is kept.' },
  ),
  [
    {
      rule: '[has(self.emptyDir), has(self.hostPath), has(self.pvc)].filter(x, x).size() <= 1',
      message: 'at most one of emptyDir, hostPath and pvc',
      holds: (self) =>
        [self.emptyDir, self.hostPath, self.pvc].filter((kind) => kind !== undefined).length <= 1,
    },
  ],
);

const lora = Type.Object({
  name: modelNameSchema('What requests call the adapter.'),
  uri: uriSchema('Where the adapter is; the same schemes as for the model.'),
  rank: Type.Optional(
    int32({ minimum: 1, description: 'Rank of the adapter, where it is large.' }),
  ),
});

/** Which model, and where from. */
export const modelSchema = withRules(
  Type.Object(
    {
      name: Type.Optional(
        modelNameSchema('What requests call the model. Default what the uri names.'),
      ),
      aliases: Type.Optional(
        Type.Array(modelNameSchema('A further name.'), {
          maxItems: 32,
          'x-kubernetes-list-type': 'set',
          description: 'Further names that requests may call the model.',
        }),
      ),
      uri: Type.Optional(
        uriSchema('Where it is: hf://, pvc://, pvc+hf://, oci://, oci+native://, s3:// or gs://.'),
      ),
      revision: Type.Optional(
        Type.String({ minLength: 1, maxLength: 253, description: 'Branch, tag or commit.' }),
      ),
      authSecretRef: Type.Optional(secretRef),
      size: Type.Optional(quantity({ description: 'Limit of a cache that ends with the pod.' })),
      cache: Type.Optional(cache),
      loras: Type.Optional(
        listByKey(lora, 'name', { maxItems: 64, description: 'Adapters that are served too.' }),
      ),
    },
    { description: 'Which model, and where from.' },
  ),
  [
    {
      rule: "!has(self.authSecretRef) || !has(self.uri) || !self.uri.startsWith('pvc://')",
      message: 'authSecretRef is of no use with pvc://',
      holds: ({ authSecretRef, uri }) =>
        authSecretRef === undefined || uri === undefined || !uri.startsWith('pvc://'),
    },
  ],
);

/** The same in the first version of the resource; a malformed uri is stored there. */
export const modelArtifactsSchema = Type.Object(
  {
    uri: Type.String({ maxLength: 1024, description: 'Where the model is.' }),
    authSecretName: Type.Optional(Type.String({ description: 'A secret with the key HF_TOKEN.' })),
    size: Type.Optional(quantity({ description: 'Limit of the folder for what is fetched.' })),
  },
  { description: 'Where the model comes from; model.uri goes before it.' },
);
