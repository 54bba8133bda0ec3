import { ErrorInfo, RetryInfo } from '../proto/gen/google/rpc/error_details.ts';
import { Status } from '../proto/gen/google/rpc/status.ts';

/** The trailer that carries a `google.rpc.Status`. */
export const STATUS_DETAILS_KEY = 'grpc-status-details-bin';

const TYPE_PREFIX = 'type.googleapis.com/';
const ERROR_INFO = `${TYPE_PREFIX}google.rpc.ErrorInfo`;
const RETRY_INFO = `${TYPE_PREFIX}google.rpc.RetryInfo`;

export interface ErrorInfoDetail {
  /** The stable name of the cause, in capitals. */
  readonly reason: string;
  readonly domain: string;
  readonly metadata: Readonly<Record<string, string>>;
}

export interface StatusDetails {
  /** Repeats the trailer `grpc-status`; clients drop details whose code differs. */
  readonly code: number;
  /** Repeats the trailer `grpc-message`. */
  readonly message: string;
  readonly errorInfo?: ErrorInfoDetail;
  /** Whole milliseconds after which a retry makes sense. */
  readonly retryDelayMs?: number;
}

export function formatStatusDetails(details: StatusDetails): Buffer {
  const { code, message, errorInfo, retryDelayMs } = details;
  const packed: Status['details'] = [];
  if (errorInfo !== undefined) {
    const metadata = new Map(Object.entries(errorInfo.metadata));
    packed.push({
      typeUrl: ERROR_INFO,
      value: Buffer.from(ErrorInfo.encode({ reason: errorInfo.reason, domain: errorInfo.domain, metadata }).finish()),
    });
  }
  if (retryDelayMs !== undefined) {
    const seconds = Math.floor(retryDelayMs / 1000);
    const retryDelay = { seconds: BigInt(seconds), nanos: Math.round(retryDelayMs - seconds * 1000) * 1_000_000 };
    packed.push({ typeUrl: RETRY_INFO, value: Buffer.from(RetryInfo.encode({ retryDelay }).finish()) });
  }
  return Buffer.from(Status.encode({ code, message, details: packed }).finish());
}

/** Undefined when the bytes are no `google.rpc.Status`. Details of other types are passed over. */
export function parseStatusDetails(bytes: Uint8Array): StatusDetails | undefined {
  try {
    const { code, message, details } = Status.decode(bytes);
    const packed = new Map(details.map(({ typeUrl, value }) => [typeUrl, value]));
    const errorInfo = packed.get(ERROR_INFO);
    const retryDelay = retryDelayOf(packed.get(RETRY_INFO));
    return {
      code,
      message,
      ...(errorInfo && { errorInfo: toErrorInfoDetail(ErrorInfo.decode(errorInfo)) }),
      ...(retryDelay !== undefined && { retryDelayMs: retryDelay }),
    };
  } catch {
    return undefined;
  }
}

function toErrorInfoDetail({ reason, domain, metadata }: ErrorInfo): ErrorInfoDetail {
  return { reason, domain, metadata: Object.fromEntries(metadata) };
}

function retryDelayOf(bytes: Uint8Array | undefined): number | undefined {
  const delay = bytes && RetryInfo.decode(bytes).retryDelay;
  return delay && Number(delay.seconds) * 1000 + Math.round(delay.nanos / 1_000_000);
}
