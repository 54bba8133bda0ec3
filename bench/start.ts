import { median, medians } from './statistics.ts';
import type { LoadProgram, StartReport } from './load-program.ts';
import type { Subject } from './subject.ts';

/** Medians over the rounds; times count from the start of the process. */
export interface StartFigures {
  readonly handshakeMs: number;
  /** Handshake, Configure, login and one encrypt. */
  readonly firstEncryptMs: number;
  readonly stopMs: number;
  /** Private and whole memory once the first encrypt is answered. */
  readonly privateKiB: number;
  readonly residentKiB: number;
  /** A plugin in Go on plugin-sdk that only answers health checks, for comparison. */
  readonly goPeer: { readonly handshakeMs: number; readonly privateKiB: number; readonly residentKiB: number };
}

/** Starts our executable and a plugin in Go in turns. Nothing may run in the program yet, and nothing does afterwards. */
export async function measureStart(
  program: LoadProgram,
  subject: Subject,
  options: { rounds: number; peer: string; report: (text: string) => void },
): Promise<StartFigures> {
  const { rounds, peer, report } = options;
  const health = { method: 'grpc.health.v1.Health/Check', request: { service: 'plugin' } };
  const ours: StartReport[] = [];
  const stops: number[] = [];
  const peers: StartReport[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    report(`Start ${round} of ${rounds} …`);
    ours.push(await program.start(subject.plugin, [subject.configure, subject.encrypt]));
    stops.push((await program.stop()).ms);
    peers.push(await program.start({ ...subject.plugin, path: peer }, [health]));
    await program.stop();
  }
  const memory = (reports: readonly StartReport[]) =>
    medians(
      reports.map(({ process }) => process),
      'privateKiB',
      'residentKiB',
    );
  return {
    handshakeMs: median(ours.map(({ handshakeMs }) => handshakeMs)),
    firstEncryptMs: median(ours.map(({ firstAnswerMs }) => firstAnswerMs)),
    stopMs: median(stops),
    ...memory(ours),
    goPeer: { handshakeMs: median(peers.map(({ handshakeMs }) => handshakeMs)), ...memory(peers) },
  };
}
