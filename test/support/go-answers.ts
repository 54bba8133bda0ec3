/** How the programs of test/go tell what came of a gRPC call. */
export interface CallAnswer<Response = Record<string, unknown>> {
  /** Name of the gRPC code as grpc-go spells it. */
  readonly code: 'OK' | 'Canceled' | 'InvalidArgument' | 'NotFound' | 'Unknown' | (string & {});
  readonly message: string;
  /** Protobuf JSON with default values; present when the code is OK. */
  readonly response?: Response;
  /** The predefined status of plugin-sdk that the answer equals by `IsStatus`, code and message alike. */
  readonly is?: 'ProviderAuthenticationError' | 'InvalidKeyAccessData' | 'KeyNotFound' | 'KeyGenericErr';
  readonly reason?: string;
  readonly domain?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly retryDelayMs?: number;
  readonly ms: number;
  /** Length of the certificate that the plugin showed; 0 without TLS. */
  readonly certificateBytes: number;
}

/** One unary call: the method's full name and the request as protobuf JSON. Without `deadlineMs` it has no deadline. */
export interface Call {
  readonly method: string;
  readonly request?: object;
  readonly deadlineMs?: number;
  readonly cancelMs?: number;
}

/** One line of the Go host's log. */
export interface HostLogEntry {
  readonly level: 'trace' | 'debug' | 'info' | 'warn' | 'error';
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Result of repeating one call from several callers. */
export interface LoadReport {
  readonly callers: number;
  readonly calls: number;
  readonly codes: Readonly<Record<string, number>>;
  readonly seconds: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** What Linux tells about a process. */
export interface ProcessSample {
  readonly pid: number;
  readonly state: string;
  readonly command: string;
  readonly cpuMs: number;
  readonly residentKiB: number;
  readonly privateKiB: number;
}
