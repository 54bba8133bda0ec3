import { medians } from './statistics.ts';
import type { LoadProgram, PluginReport } from './load-program.ts';
import type { Subject } from './subject.ts';
import type { LoadReport } from '../test/support/go-answers.ts';

const CALLERS = [1, 8, 64] as const;
const WARM_UP_MS = 300;

type Figures = Record<'perSecond' | 'p50Ms' | 'p95Ms' | 'p99Ms', number>;

/** Medians over the rounds for one number of callers. */
export interface ThroughputRow {
  readonly callers: number;
  /** Encrypts sent to OpenBao by the Go program itself. */
  readonly direct: Figures;
  /** The same encrypts through the plugin. */
  readonly plugin: Figures & { readonly cpuMicrosPerCall: number };
  /** Health checks of the plugin process: what process boundary, TLS and gRPC cost without a keystore. */
  readonly health: Figures;
}

/** The variants take turns within each round, so that what else the machine does falls on all of them. */
export async function measureThroughput(
  program: LoadProgram,
  subject: Subject,
  options: { rounds: number; roundMs: number; report: (text: string) => void },
): Promise<readonly ThroughputRow[]> {
  const { rounds, roundMs, report } = options;
  const health = { method: 'grpc.health.v1.Health/Check', request: { service: 'plugin' } };
  const measured = CALLERS.map((callers) => ({
    callers,
    direct: [] as LoadReport[],
    plugin: [] as PluginReport[],
    health: [] as PluginReport[],
  }));
  for (let round = 0; round <= rounds; round += 1) {
    report(round === 0 ? 'Warming up …' : `Round ${round} of ${rounds} …`);
    const durationMs = round === 0 ? WARM_UP_MS : roundMs;
    for (const { callers, ...reports } of measured) {
      const direct = await program.direct({ callers, durationMs, ...subject.direct });
      const plugin = await program.plugin({ callers, durationMs, ...subject.encrypt });
      const bare = await program.plugin({ callers, durationMs, ...health });
      for (const { codes } of [direct, plugin, bare]) assertAllOk(codes);
      if (round === 0) continue;
      reports.direct.push(direct);
      reports.plugin.push(plugin);
      reports.health.push(bare);
    }
  }
  return measured.map(({ callers, direct, plugin, health: bare }) => ({
    callers,
    direct: figuresOf(direct),
    plugin: { ...figuresOf(plugin), ...medians(plugin, 'cpuMicrosPerCall') },
    health: figuresOf(bare),
  }));
}

function figuresOf(reports: readonly LoadReport[]): Figures {
  return medians(reports, 'perSecond', 'p50Ms', 'p95Ms', 'p99Ms');
}

function assertAllOk(codes: Readonly<Record<string, number>>): void {
  if (Object.keys(codes).some((code) => code !== 'OK'))
    throw new Error(`not all calls went well: ${JSON.stringify(codes)}`);
}
