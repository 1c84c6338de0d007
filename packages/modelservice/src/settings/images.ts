// SPDX-License-Identifier: Apache-2.0

/** Container images by what they do. */
export interface Images {
  readonly vllm: string;
  readonly sglang: string;
  readonly simulator: string;
  readonly endpointPicker: string;
  readonly routingSidecar: string;
  /** Envoy, for the mode standalone. */
  readonly proxy: string;
  /** Has `aws`. */
  readonly fetchS3: string;
  /** Has `gcloud`. */
  readonly fetchGs: string;
  /** Has `crane`, `tar` and a shell. */
  readonly fetchOci: string;
}

/** Images where nobody names others. */
export const defaultImages: Images = {
  vllm: 'vllm/vllm-openai:v0.23.0',
  sglang: 'lmsysorg/sglang:v0.5.9',
  simulator: 'ghcr.io/llm-d/llm-d-inference-sim:v0.8.0',
  endpointPicker: 'ghcr.io/llm-d/llm-d-router-endpoint-picker:v0.10.0',
  routingSidecar: 'ghcr.io/llm-d/llm-d-router-disagg-sidecar:v0.10.0',
  proxy: 'docker.io/envoyproxy/envoy:distroless-v1.33.2',
  fetchS3: 'docker.io/amazon/aws-cli:2.31.0',
  fetchGs: 'gcr.io/google.com/cloudsdktool/google-cloud-cli:540.0.0-slim',
  fetchOci: 'gcr.io/go-containerregistry/crane:debug',
};
