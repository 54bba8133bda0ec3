import { randomUUID } from 'node:crypto';

import type { Metadata } from '@grpc/grpc-js';

import { isRequestId } from '../../keystore-contract/key-id.ts';

/** What a caller says to find this call again. */
export interface Correlation {
  readonly correlationId: string;
  readonly traceId: string | undefined;
}

const NAMES = ['x-correlation-id', 'x-request-id'] as const;
const TRACE_PARENT = /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$/;

/** Reads the ids that came with a call; a call without one gets one of its own, so that OpenBao's audit log can have it. */
export function readCorrelation(metadata: Metadata): Correlation {
  const given = NAMES.map((name) => textOf(metadata, name)).find((text) => text !== undefined && isRequestId(text));
  return {
    correlationId: given ?? randomUUID(),
    traceId: TRACE_PARENT.exec(textOf(metadata, 'traceparent') ?? '')?.[1],
  };
}

function textOf(metadata: Metadata, name: string): string | undefined {
  const [value] = metadata.get(name);
  return typeof value === 'string' ? value : undefined;
}
