import { once } from 'node:events';
import { basename } from 'node:path';
import { connect } from 'node:tls';

import { status } from '@grpc/grpc-js';

import { hostService } from '../../../plugin-host/index.ts';
import { createOneTimeCertificate } from '../../../plugin-protocol/certificate.ts';
import { belongings, belongingsAsBefore } from '../../support/belongings.ts';
import { buildGoPrograms, describeWithGo, type GoPrograms } from '../../support/go.ts';
import { connectPlugin, connectSocket } from '../../support/plugin-connection.ts';
import { EchoService, startGoBrokerStage } from './broker-stage.ts';

const BUILD_MS = 600_000;
const { say } = EchoService;
const echo = hostService(EchoService, { say: (text, { generation }) => `host ${generation} heard ${text}` });

/** What a server shows to anybody, so that a stranger who trusts it fails for no other reason than being one. */
async function servedCertificate(path: string): Promise<string> {
  const socket = connect({ path, servername: 'localhost', ALPNProtocols: ['h2'], rejectUnauthorized: false });
  socket.on('error', () => undefined);
  await once(socket, 'secureConnect');
  const pem = socket.getPeerX509Certificate()?.toString() ?? '';
  socket.destroy();
  return pem;
}

describeWithGo('the broker between our host and a Go plugin', () => {
  let programs: GoPrograms;

  beforeAll(() => {
    programs = buildGoPrograms();
  }, BUILD_MS);

  test('H21 H13 R-HOST-72 the plugin dials what the host accepts, and our certificate serves', async () => {
    await using stage = await startGoBrokerStage(programs);
    const current = await stage.plugin.current();
    for (let round = 0; round < 3; round += 1) {
      const { id } = await current.accept([echo]);
      expect(await current.client.plugin.ask(String(id))).toBe(`host 1 heard ${id}`);
    }
  });

  test('H21 one that was closed is not reached, and its id may be served again', async () => {
    await using stage = await startGoBrokerStage(programs);
    const current = await stage.plugin.current();
    const { id, close } = await current.accept([echo], { id: 40 });
    await close();
    await expect(current.client.plugin.ask(String(id))).rejects.toMatchObject({ code: status.UNAVAILABLE });
    await using again = await current.accept([echo], { id: 40 });
    expect(await current.client.plugin.ask(String(again.id))).toBe('host 1 heard 40');
  });

  test('H22 R-HOST-73 the host dials what the plugin serves, once for each announcement', async () => {
    await using stage = await startGoBrokerStage(programs, { brokerTimeoutMs: 1000 });
    const current = await stage.plugin.current();
    const dialled = [];
    for (const prefix of ['first ', 'second ']) {
      const id = Number(await current.client.plugin.offer(prefix));
      dialled.push(await current.dial(id, { echo: EchoService }));
    }
    const answers = dialled.map(({ client }) => client.echo.say('hello'));
    expect(await Promise.all(answers)).toEqual(['first hello', 'second hello']);
    await expect(current.dial(1, { echo: EchoService })).rejects.toMatchObject({ code: 'ERR_BROKER_TIMEOUT' });
    for (const { close } of dialled) close();
  });

  test('H21 H22 R-HOST-72 R-HOST-73 both directions at once, many times', async () => {
    await using stage = await startGoBrokerStage(programs);
    const current = await stage.plugin.current();
    const there = async (): Promise<void> => {
      await using accepted = await current.accept([echo]);
      expect(await current.client.plugin.ask(String(accepted.id))).toBe(`host 1 heard ${accepted.id}`);
    };
    const back = async (_: unknown, round: number): Promise<void> => {
      const id = Number(await current.client.plugin.offer(`${round} `));
      using dialled = await current.dial(id, { echo: EchoService });
      expect(await dialled.client.echo.say('back')).toBe(`${round} back`);
    };
    await Promise.all([...Array.from({ length: 20 }, there), ...Array.from({ length: 20 }, back)]);
  });

  test('H21 R-HOST-72 a stranger is refused by what the host serves, and by what the plugin serves', async () => {
    await using stage = await startGoBrokerStage(programs);
    const current = await stage.plugin.current();
    await current.accept([echo]);
    const prefix = await current.client.plugin.offer('plugin ');
    const served = (await stage.sockets()).filter((path) => path !== current.info.address);
    // Host services, those just accepted, and the plugin's own.
    expect(served.map((path) => basename(path).replace(/\d+$/, '')).sort()).toEqual(['broker', 'broker', 'plugin']);
    for (const socketPath of served) {
      const certificatePem = await servedCertificate(socketPath);
      const strangers = [
        connectSocket(socketPath),
        connectPlugin({ socketPath, certificatePem }),
        connectPlugin({ socketPath, certificatePem }, createOneTimeCertificate()),
      ];
      for (const stranger of strangers) {
        expect(await stranger.refusal(say, 'in')).toMatchObject({ code: status.UNAVAILABLE });
        stranger.disconnect();
      }
    }
    using dialled = await current.dial(Number(prefix), { echo: EchoService });
    expect(await dialled.client.echo.say('still here')).toBe('plugin still here');
  });

  test('R-HOST-74 what was brokered ends with its process, and the next one is told anew', async () => {
    await using stage = await startGoBrokerStage(programs);
    const { plugin } = stage;
    const first = await plugin.current();
    const dialled = await first.dial(Number(await first.client.plugin.offer('')), { echo: EchoService });
    const waiting = first.dial(99, { echo: EchoService });
    const gone = { code: 'ERR_PLUGIN_EXITED', details: { signal: 'SIGKILL' } };
    const left = once(first.leaving, 'abort');
    const outcomes = [
      expect(waiting).rejects.toMatchObject(gone),
      left.then(() => expect(first.leaving.reason).toMatchObject(gone)),
    ];
    process.kill(first.info.pid, 'SIGKILL');
    await Promise.all(outcomes);
    await expect(dialled.client.echo.say('lost')).rejects.toMatchObject(gone);
    await expect(first.accept([echo])).rejects.toMatchObject(gone);
    await expect(first.client.plugin.offer('')).rejects.toMatchObject(gone);

    const second = await plugin.current();
    expect(second.info.generation).toBe(2);
    const { id } = await second.accept([echo]);
    expect(await second.client.plugin.ask(String(id))).toBe(`host 2 heard ${id}`);
  });

  test('R-HOST-74 a call of the process that was replaced is not taken by the next', async () => {
    await using stage = await startGoBrokerStage(programs);
    const { plugin } = stage;
    const first = await plugin.current();
    await plugin.restart();
    await expect(first.client.plugin.offer('')).rejects.toMatchObject({ code: 'ERR_REPLACED' });
    expect(plugin.status().calls).toMatchObject({ operations: 1, outcomes: { lost: 1 } });
    const second = await plugin.current();
    expect(await second.client.plugin.offer('')).toBe('1');
  });

  (process.platform === 'linux' ? test : test.skip)(
    'R-HOST-74 H37 rounds in both directions leave this process as it was, however they end',
    async () => {
      const round = async (force: boolean): Promise<void> => {
        await using stage = await startGoBrokerStage(programs, { hostServices: [echo] });
        const current = await stage.plugin.current();
        const { id } = await current.accept([echo]);
        await current.client.plugin.ask(String(id));
        await current.dial(Number(await current.client.plugin.offer('')), { echo: EchoService });
        const waiting = current.dial(99, { echo: EchoService });
        await Promise.all([
          expect(waiting).rejects.toMatchObject({ code: expect.stringMatching(/CLOSED|EXITED/) as string }),
          stage.plugin.close({ force }),
        ]);
      };
      await round(false);
      const before = await belongings();
      for (const force of [false, true, false]) await round(force);
      await belongingsAsBefore(before);
    },
  );
});

describeWithGo('host services for a plugin of plugin-sdk', () => {
  let programs: GoPrograms;

  beforeAll(() => {
    programs = buildGoPrograms();
  }, BUILD_MS);

  const sdk = { args: ['sdk'] };

  /** An echo that remembers what it heard, with the process it heard it from. */
  function listening() {
    const heard: string[] = [];
    const service = hostService(EchoService, {
      say: (text, { plugin, generation }) => {
        heard.push(`${text} of ${plugin} ${generation}`);
        return `heard ${text}`;
      },
    });
    return { heard, hostServices: [service] };
  }

  test('H21 H13 R-HOST-75 are named in Init, and served from Init to the last word of the process', async () => {
    const { heard, hostServices } = listening();
    {
      await using stage = await startGoBrokerStage(programs, { ...sdk, hostServices });
      expect(await stage.plugin.client.plugin.ask('hello')).toBe('heard hello');
      await stage.close();
      expect(stage.log.filter(({ level }) => level === 'warn' || level === 'error')).toEqual([]);
    }
    expect(heard).toEqual(['init', 'hello', 'deinit', 'last word'].map((text) => `${text} of BROKER 1`));
  });

  test('R-HOST-75 are served to each process anew: after a crash and after a replacement', async () => {
    const { heard, hostServices } = listening();
    await using stage = await startGoBrokerStage(programs, { ...sdk, hostServices });
    const { plugin } = stage;
    const { pid } = await plugin.ready();
    const fallen = once(plugin, 'crash');
    process.kill(pid, 'SIGKILL');
    await fallen;
    expect(await plugin.client.plugin.ask('again')).toBe('heard again');
    await plugin.restart();
    expect(await plugin.client.plugin.ask('once more')).toBe('heard once more');
    expect(heard.filter((text) => /^(init|again|once)/.test(text))).toEqual([
      'init of BROKER 1',
      'init of BROKER 2',
      'again of BROKER 2',
      'init of BROKER 3',
      'once more of BROKER 3',
    ]);
  });

  test('R-HOST-75 a plugin that would use some loads where there are none', async () => {
    await using stage = await startGoBrokerStage(programs, sdk);
    await expect(stage.plugin.client.plugin.ask('hello')).rejects.toMatchObject({
      code: status.FAILED_PRECONDITION,
      message: 'the host has no echo',
    });
  });
});
