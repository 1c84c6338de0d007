// SPDX-License-Identifier: Apache-2.0
// Generated from profiles/*.yaml by built-in-profiles.test.ts. Do not edit.
import type { EngineProfile } from '../profile.ts';

export const embeddedProfiles: readonly EngineProfile[] = [
  {
    "name": "llama-3.1-70b-tp2-h100",
    "model": "meta-llama/Llama-3.1-70B-Instruct",
    "hardware": "2 x NVIDIA H100 80 GB",
    "tensorParallelSize": 2,
    "blockSizeTokens": 16,
    "numGpuBlocks": 2812,
    "maxModelLen": 10000,
    "maxNumBatchedTokens": 8192,
    "maxNumSeqs": 1024,
    "step": {
      "baseMs": 1.2,
      "prefillTokensPerSecond": 7600,
      "prefillQuadraticMsPerTokenSquared": 0.000003,
      "decodeBaseMs": 28.5,
      "kvReadMsPerToken": 0.000061,
      "perSequenceMs": 0.05,
      "perSequenceLimit": 1024,
      "decodeShareWithPrefill": 0.3
    }
  },
  {
    "name": "llama-3.1-8b-a100",
    "model": "meta-llama/Llama-3.1-8B-Instruct",
    "hardware": "1 x NVIDIA A100 80 GB",
    "tensorParallelSize": 1,
    "blockSizeTokens": 16,
    "numGpuBlocks": 23750,
    "maxModelLen": 131072,
    "maxNumBatchedTokens": 2048,
    "maxNumSeqs": 256,
    "step": {
      "baseMs": 1.2,
      "prefillTokensPerSecond": 12000,
      "prefillQuadraticMsPerTokenSquared": 0.0000038,
      "decodeBaseMs": 10.5,
      "kvReadMsPerToken": 0.0000819,
      "perSequenceMs": 0.05,
      "perSequenceLimit": 1024,
      "decodeShareWithPrefill": 0.3
    }
  },
  {
    "name": "llama-4-scout-fp8-tp2-h100",
    "model": "RedHatAI/Llama-4-Scout-17B-16E-Instruct-FP8-dynamic",
    "hardware": "2 x NVIDIA H100 80 GB",
    "tensorParallelSize": 2,
    "blockSizeTokens": 16,
    "numGpuBlocks": 12000,
    "maxModelLen": 131072,
    "maxNumBatchedTokens": 8192,
    "maxNumSeqs": 1024,
    "step": {
      "baseMs": 1.2,
      "prefillTokensPerSecond": 24300,
      "prefillQuadraticMsPerTokenSquared": 4e-7,
      "decodeBaseMs": 8,
      "kvReadMsPerToken": 0.0000367,
      "perSequenceMs": 0.7,
      "perSequenceLimit": 16,
      "decodeShareWithPrefill": 0.3
    }
  },
  {
    "name": "qwen3-32b-tp2-h100",
    "model": "Qwen/Qwen3-32B",
    "hardware": "2 x NVIDIA H100 80 GB",
    "tensorParallelSize": 2,
    "blockSizeTokens": 16,
    "numGpuBlocks": 19208,
    "maxModelLen": 40960,
    "maxNumBatchedTokens": 8192,
    "maxNumSeqs": 1024,
    "step": {
      "baseMs": 1.2,
      "prefillTokensPerSecond": 25600,
      "prefillQuadraticMsPerTokenSquared": 0.0000024,
      "decodeBaseMs": 13.5,
      "kvReadMsPerToken": 0.000049,
      "perSequenceMs": 0.05,
      "perSequenceLimit": 1024,
      "decodeShareWithPrefill": 0.3
    }
  }
];
