// What `npm run bench` runs: the same encrypts directly and through the plugin, and what a start costs, side by side in
// one run. A table on standard output, the figures as JSON in .cache/bench/.
import { mkdir, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { buildProduct } from '../scripts/build/product.ts';
import { report, reportFailure } from '../scripts/report.ts';
import type { ProcessSample } from '../test/support/go-answers.ts';
import { buildGoPrograms } from '../test/support/go.ts';
import { startLoadProgram } from './load-program.ts';
import { measureStart, type StartFigures } from './start.ts';
import { openSubject } from './subject.ts';
import { figure, formatTable, ratio } from './table.ts';
import { measureSupervision, type SupervisionFigures } from './supervision.ts';
import { measureThroughput, type ThroughputRow } from './throughput.ts';

const FOLDER = join('.cache', 'bench');

interface Results {
  readonly at: string;
  readonly machine: { readonly processors: number; readonly model: string };
  readonly rounds: number;
  readonly roundMs: number;
  readonly start: StartFigures;
  readonly supervision: SupervisionFigures;
  readonly throughput: readonly ThroughputRow[];
  readonly afterLoad: Pick<ProcessSample, 'privateKiB' | 'residentKiB'>;
}

await bench().catch(reportFailure);

async function bench(): Promise<void> {
  const { values } = parseArgs({
    options: { rounds: { type: 'string', default: '5' }, 'round-ms': { type: 'string', default: '800' } },
  });
  const [rounds, roundMs] = [Number(values.rounds), Number(values['round-ms'])];
  if (!(rounds >= 1 && roundMs >= 1)) throw new Error('usage: npm run bench -- [--rounds N] [--round-ms MS]');

  await buildProduct(report);
  report('Building the Go programs …');
  const programs = buildGoPrograms();
  report('Starting OpenBao …');
  await using subject = await openSubject();
  await using program = startLoadProgram(programs, { PATH: process.env.PATH ?? '' });

  const start = await measureStart(program, subject, { rounds: rounds + 2, peer: programs.peer, report });
  await program.start(subject.plugin, [subject.configure, subject.encrypt]);
  const throughput = await measureThroughput(program, subject, { rounds, roundMs, report });
  const { privateKiB, residentKiB } = await program.sample();
  await program.stop();

  const supervision = await measureSupervision({ rounds, report });

  const machine = { processors: availableParallelism(), model: cpus()[0]?.model ?? '' };
  const afterLoad = { privateKiB, residentKiB };
  const at = new Date().toISOString();
  const results: Results = { at, machine, rounds, roundMs, start, throughput, supervision, afterLoad };
  await mkdir(FOLDER, { recursive: true });
  const file = join(FOLDER, `${results.at.replaceAll(':', '-')}.json`);
  await writeFile(file, `${JSON.stringify(results, null, 2)}\n`);
  process.stdout.write(`${present(results)}\n`);
  report(`Figures: ${file}`);
}

function present({ machine, rounds, roundMs, start, throughput, supervision, afterLoad }: Results): string {
  return [
    `Encrypt of 32 bytes, medians of ${rounds} rounds of ${roundMs} ms, on ${machine.processors} processors shared by load, plugin and OpenBao`,
    '',
    formatTable(
      ['callers and way', 'calls/s', 'of direct', 'p50 ms', 'of direct', 'p95 ms', 'p99 ms', 'plugin CPU µs/call'],
      throughput.flatMap(rowsOf),
    ),
    '',
    formatTable(
      ['start (median)', 'this plugin', 'Go peer', 'of Go peer'],
      [
        compare('spawn to handshake line, ms', start.handshakeMs, start.goPeer.handshakeMs),
        ['spawn to first encrypt answered, ms', figure(start.firstEncryptMs), '', ''],
        ['Kill to process gone, ms', figure(start.stopMs), '', ''],
        compare('private memory after the first encrypt, MiB', start.privateKiB / 1024, start.goPeer.privateKiB / 1024),
        compare(
          'whole memory (RSS) after the first encrypt, MiB',
          start.residentKiB / 1024,
          start.goPeer.residentKiB / 1024,
        ),
        ['private memory after load, MiB', figure(afterLoad.privateKiB / 1024), '', ''],
        ['whole memory (RSS) after load, MiB', figure(afterLoad.residentKiB / 1024), '', ''],
      ],
    ),
    '',
    formatTable(['our host, 64 callers (median)', 'ms', 'of a swap without callers'], supervisionRows(supervision)),
    '',
    `calls failed by swaps: ${supervision.failedBySwap}; by kills, in flight aside: ${supervision.failedOtherwise}`,
  ].join('\n');
}

function rowsOf({ callers, direct, plugin, health }: ThroughputRow): string[][] {
  const row = (variant: string, figures: ThroughputRow['direct'], cpu = ''): string[] => [
    `${String(callers).padStart(2)} ${variant}`,
    figure(figures.perSecond),
    ratio(figures.perSecond, direct.perSecond),
    figure(figures.p50Ms),
    ratio(figures.p50Ms, direct.p50Ms),
    figure(figures.p95Ms),
    figure(figures.p99Ms),
    cpu,
  ];
  return [
    row('directly', direct),
    row('through the plugin', plugin, figure(plugin.cpuMicrosPerCall)),
    row('health check of the plugin only', health),
  ];
}

function supervisionRows({ coldStartMs, ...figures }: SupervisionFigures): string[][] {
  const row = (name: string, ms: number): string[] => [name, figure(ms), ratio(ms, coldStartMs)];
  return [
    row('swap without callers, to its first encrypt and decrypt', coldStartMs),
    row('swap: new calls go to the new process', figures.switchedMs),
    row('swap: the old process is gone', figures.replacedMs),
    row('kill -9: the last call in flight is rejected', figures.rejectedMs),
    row('kill -9: end of back-off to the first answer', figures.servingAgainMs),
  ];
}

function compare(name: string, ours: number, theirs: number): string[] {
  return [name, figure(ours), figure(theirs), ratio(ours, theirs)];
}
