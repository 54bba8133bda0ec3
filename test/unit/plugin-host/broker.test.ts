import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';

import { type ServiceError, status } from '@grpc/grpc-js';

import { hostService } from '../../../plugin-host/host-service.ts';
import { createOneTimeCertificate } from '../../../plugin-protocol/certificate.ts';
import { ExtraService, TestService } from '../../fixtures/plugins/test-contract.ts';
import { belongings, belongingsAsBefore } from '../../support/belongings.ts';
import { type BrokerStage, startBrokerStage } from '../../support/broker-peer.ts';
import { connectPlugin, connectSocket } from '../../support/plugin-connection.ts';

const { echo } = ExtraService;
const extra = hostService(ExtraService, {
  echo: ({ text }, { plugin, generation }) => ({ text: `${text} for ${plugin} ${generation}` }),
});

async function accepted(stage: BrokerStage): Promise<string> {
  await stage.broker.accept([extra]);
  return (await stage.heard()).address;
}

describe('H21 R-HOST-72 services that the host accepts', () => {
  let stage: BrokerStage;
  beforeEach(async () => {
    stage = await startBrokerStage();
  });
  afterEach(() => stage[Symbol.asyncDispose]());

  test('are announced without a knock and called with the certificates of the main connection', async () => {
    const { id } = await stage.broker.accept([extra]);
    const { address, ...announced } = await stage.heard();
    expect(announced).toEqual({ serviceId: id, network: 'unix', knock: undefined });
    expect(await stage.connect(address).call(echo, { text: 'hello' })).toEqual({ text: 'hello for TEST 3' });
  });

  test('have ids of their own, none of which is that of the host services', async () => {
    await stage.broker.acceptHostServices([]);
    const ids = await Promise.all(Array.from({ length: 20 }, async () => (await stage.broker.accept([extra])).id));
    expect(new Set(ids).size).toBe(20);
    expect(Math.min(...ids)).toBe(2);
    expect((await stage.heard()).serviceId).toBe(1);
  });

  test('may have an id of the contract, which is used once at a time', async () => {
    const services = await stage.broker.accept([extra], { id: 2 });
    await expect(stage.broker.accept([extra], { id: 2 })).rejects.toMatchObject({
      code: 'ERR_BROKER_ID',
      message: 'the brokered id 2 is in use',
    });
    expect((await stage.broker.accept([extra])).id).toBe(3);
    await services.close();
    await expect(stage.broker.accept([extra], { id: 2 })).resolves.toMatchObject({ id: 2 });
  });

  test.each([0, -1, 1.5, 2 ** 32, Number.NaN])('never have the id %p', async (id) => {
    await expect(stage.broker.accept([extra], { id })).rejects.toMatchObject({ code: 'ERR_BROKER_ID' });
    await expect(stage.broker.dial(id, {})).rejects.toMatchObject({ code: 'ERR_BROKER_ID' });
  });

  test.each([
    ['nothing', []],
    ['the same twice', [extra, extra]],
    ['a service without a handler', [{ ...extra, handlers: {} }]],
  ])('are not %s', async (_name, services) => {
    await expect(stage.broker.accept(services)).rejects.toMatchObject({ code: 'ERR_OPTIONS' });
  });

  test('are refused to a client with another certificate, without one, and without TLS', async () => {
    const address = await accepted(stage);
    const certificatePem = stage.own.certificatePem;
    const refused = { code: status.UNAVAILABLE };
    const others = [
      connectPlugin({ socketPath: address, certificatePem }, createOneTimeCertificate()),
      connectPlugin({ socketPath: address, certificatePem }),
      connectSocket(address),
    ];
    for (const other of others) {
      expect(await other.refusal(echo, { text: 'in' })).toMatchObject(refused);
      other.disconnect();
    }
    // The host itself is none either: only the plugin may call.
    expect(await stage.connect(address, stage.own).refusal(echo, { text: 'in' })).toMatchObject(refused);
    expect(await stage.connect(address).call(echo, { text: 'still' })).toEqual({ text: 'still for TEST 3' });
  });

  test('are served with the certificate of the main connection, as HTTP/2, on TLS 1.2 or later', async () => {
    const { certificatePem: cert, privateKeyPem: key } = stage.theirs;
    const socket = connectTls({
      path: await accepted(stage),
      servername: 'localhost',
      ca: stage.own.certificatePem,
      ...{ cert, key },
      ALPNProtocols: ['h2'],
    });
    await once(socket, 'secureConnect');
    expect(socket.getPeerX509Certificate()?.raw.equals(stage.own.certificateDer)).toBe(true);
    expect([socket.alpnProtocol, socket.getProtocol()]).toEqual(['h2', 'TLSv1.3']);
    socket.destroy();
  });

  test('end at once when closed, whoever is connected', async () => {
    const services = await stage.broker.accept([
      hostService(ExtraService, { echo: () => new Promise(() => undefined) }),
    ]);
    const { address } = await stage.heard();
    const silent = connect(address);
    await once(silent, 'connect');
    const caller = stage.connect(address).refusal(echo, {});
    await services.close();
    await services.close();
    expect(existsSync(address)).toBe(false);
    await once(silent, 'close');
    expect(await caller).toMatchObject({ code: expect.any(Number) as number });
  });
});

describe('H21 the handler of a host service', () => {
  const call = async (handler: () => { text: string }) => {
    await using stage = await startBrokerStage();
    await stage.broker.accept([hostService(ExtraService, { echo: handler })]);
    const refusal = await stage.connect((await stage.heard()).address).refusal(echo, {});
    return { refusal, failures: stage.log.filter(({ level }) => level === 'error') };
  };

  test('refuses with the status it throws', async () => {
    const { refusal, failures } = await call(() => {
      throw Object.assign(new Error('no'), { code: status.NOT_FOUND, details: 'no such thing' });
    });
    expect(refusal).toMatchObject({ code: status.NOT_FOUND, message: 'no such thing' });
    expect(failures).toEqual([]);
  });

  test.each([
    ['an error', new TypeError('a secret'), 'TypeError'],
    ['the error of a system call', Object.assign(new Error('a secret'), { code: 'EACCES' }), 'Error'],
    ['OK', Object.assign(new Error('a secret'), { code: 0, details: 'a secret' }), 'Error'],
    ['no error', 'a secret', 'string'],
  ])('that throws %s is a defect, and nothing of its text is told', async (_name, thrown, kind) => {
    const { refusal, failures } = await call(() => {
      throw thrown as Error;
    });
    expect(refusal).toMatchObject({ code: status.INTERNAL, message: 'the host service failed' });
    expect(failures).toEqual([expect.objectContaining({ method: echo.path, kind, message: 'a host service failed' })]);
    expect(JSON.stringify(failures)).not.toContain('a secret');
  });

  test('is told when nobody waits any more', async () => {
    await using stage = await startBrokerStage();
    const told = Promise.withResolvers<unknown>();
    const called = Promise.withResolvers<undefined>();
    const echoing = hostService(ExtraService, {
      echo: async (_request, { signal }) => {
        signal.addEventListener('abort', () => told.resolve(signal.reason));
        called.resolve(undefined);
        await told.promise;
        return {};
      },
    });
    await stage.broker.accept([echoing]);
    const { client } = stage.connect((await stage.heard()).address);
    const refused = Promise.withResolvers<ServiceError | null>();
    const call = client.makeUnaryRequest(
      echo.path,
      echo.requestSerialize,
      echo.responseDeserialize,
      {},
      refused.resolve,
    );
    await called.promise;
    call.cancel();
    await expect(told.promise).resolves.toEqual(new Error('the plugin no longer waits for the answer'));
    expect(await refused.promise).toMatchObject({ code: status.CANCELLED });
  });
});

describe('H22 R-HOST-73 services that the host dials', () => {
  const services = { test: TestService };
  const never = { brokerTimeoutMs: 50 };

  test('are called with the certificates of the main connection', async () => {
    await using stage = await startBrokerStage();
    stage.announce({ address: await stage.serve() });
    using dialled = await stage.broker.dial(7, services);
    expect(await dialled.client.test.echo({ text: 'hello' })).toEqual({ text: 'hello' });
    await expect(dialled.client.test.refuse({})).rejects.toMatchObject({
      name: 'PluginCallError',
      code: status.UNIMPLEMENTED,
      plugin: 'TEST',
    });
    await expect(dialled.client.test.echo({}, { timeoutMs: 0 })).rejects.toMatchObject({ code: 'ERR_OPTIONS' });
  });

  test('are dialled before they are announced', async () => {
    await using stage = await startBrokerStage();
    const dialling = stage.broker.dial(7, services);
    stage.announce({ address: await stage.serve() });
    using dialled = await dialling;
    expect(await dialled.client.test.echo({ text: 'late' })).toEqual({ text: 'late' });
  });

  test('reject their calls in flight when closed', async () => {
    await using stage = await startBrokerStage();
    stage.announce({ address: await stage.serve() });
    const dialled = await stage.broker.dial(7, services);
    const hanging = dialled.client.test.hang({});
    dialled.close();
    await expect(hanging).rejects.toMatchObject({ code: 'ERR_CLOSED' });
    await expect(dialled.client.test.echo({})).rejects.toMatchObject({ code: 'ERR_CLOSED' });
    expect([...stage.broker.connections]).toEqual([]);
  });

  test('that are never announced, or are dialled a second time, are a time-out', async () => {
    await using stage = await startBrokerStage({ brokerTimeoutMs: 500 });
    await expect(stage.broker.dial(9, services)).rejects.toMatchObject({ code: 'ERR_BROKER_TIMEOUT' });
    stage.announce({ address: await stage.serve() });
    using _first = await stage.broker.dial(7, services);
    await expect(stage.broker.dial(7, services)).rejects.toMatchObject({ code: 'ERR_BROKER_TIMEOUT' });
  });

  test('with another certificate than the announced one are refused', async () => {
    await using stage = await startBrokerStage();
    stage.announce({ address: await stage.serve(createOneTimeCertificate()) });
    await expect(stage.broker.dial(7, services)).rejects.toMatchObject({ code: 'ERR_CERTIFICATE_REFUSED' });
    expect([...stage.broker.connections]).toEqual([]);
  });

  test('where nobody listens are an error that says so', async () => {
    await using stage = await startBrokerStage();
    stage.announce({ address: '/nowhere/at/all' });
    await expect(stage.broker.dial(7, services)).rejects.toMatchObject({
      code: 'ERR_CONNECT',
      message: expect.stringContaining('ENOENT') as string,
    });
  });

  test('where nobody says a word are an error in time', async () => {
    await using stage = await startBrokerStage({ brokerTimeoutMs: 300 });
    stage.announce({ address: await stage.listenOnly() });
    await expect(stage.broker.dial(7, services)).rejects.toMatchObject({
      code: 'ERR_CONNECT',
      message: 'no connection to the brokered id 7 in time',
    });
  });

  test('are given up with the signal', async () => {
    await using stage = await startBrokerStage();
    const given = new AbortController();
    const dialling = stage.broker.dial(7, services, { signal: given.signal });
    const reason = new Error('no longer wanted');
    given.abort(reason);
    await expect(dialling).rejects.toBe(reason);
    await expect(stage.broker.dial(7, services, { signal: given.signal })).rejects.toBe(reason);
  });

  test('a knock, which asks for multiplexing, is refused and announces nothing; its answer is ignored', async () => {
    await using stage = await startBrokerStage(never);
    stage.announce({ network: '', address: '', knock: { knock: true, ack: true, error: '' } });
    stage.announce({ network: '', address: '', knock: { knock: true, ack: false, error: '' } });
    expect(await stage.heard()).toEqual({
      serviceId: 7,
      network: '',
      address: '',
      knock: { knock: true, ack: true, error: 'this host does not support gRPC broker multiplexing' },
    });
    await expect(stage.broker.dial(7, services)).rejects.toMatchObject({ code: 'ERR_BROKER_TIMEOUT' });
  });
});

describe('the end of a broker', () => {
  test('R-HOST-74 a plugin without a broker is told of at once', async () => {
    await using stage = await startBrokerStage();
    await stage.leave();
    const closed = { code: 'ERR_BROKER_CLOSED', message: 'the plugin has no broker' };
    await expect(stage.broker.accept([extra])).rejects.toMatchObject(closed);
    await expect(stage.broker.dial(7, {})).rejects.toMatchObject(closed);
    await expect(stage.broker.acceptHostServices([extra])).resolves.toBeUndefined();
  });

  test('H20 a plugin that tells only now that it has no broker does without host services', async () => {
    await using stage = await startBrokerStage();
    const accepting = stage.broker.acceptHostServices([extra]);
    const late = expect(stage.broker.accept([extra])).rejects.toMatchObject({ code: 'ERR_BROKER_CLOSED' });
    stage.stream.emit('error', new Error('UNIMPLEMENTED'));
    await Promise.all([accepting, late]);
  });

  test('R-HOST-74 rejects what waits and what is in flight with the reason, and serves on until disposed of', async () => {
    await using stage = await startBrokerStage();
    const address = await accepted(stage);
    stage.announce({ address: await stage.serve() });
    const dialled = await stage.broker.dial(7, { test: TestService });
    const waiting = [stage.broker.dial(8, {}), dialled.client.test.hang({})];
    const reason = new Error('the process is gone');
    stage.broker.hangUp(reason);
    for (const each of waiting) await expect(each).rejects.toBe(reason);
    await expect(stage.broker.accept([extra])).rejects.toBe(reason);
    await expect(stage.broker.dial(9, {})).rejects.toBe(reason);
    expect(await stage.connect(address).call(echo, { text: 'last words' })).toEqual({ text: 'last words for TEST 3' });
    await stage.broker[Symbol.asyncDispose]();
    expect(existsSync(address)).toBe(false);
  });

  (process.platform === 'linux' ? test : test.skip)('R-HOST-74 leaves nothing, whatever was under way', async () => {
    const round = async (): Promise<void> => {
      await using stage = await startBrokerStage();
      const address = await accepted(stage);
      const silent = connect(address);
      await once(silent, 'connect');
      stage.announce({ address: await stage.serve() });
      await stage.broker.dial(7, { test: TestService });
      const left = [stage.broker.dial(8, {}), stage.broker.accept([extra])];
      await stage.broker[Symbol.asyncDispose]();
      const outcomes = await Promise.allSettled(left);
      expect(outcomes.map((outcome) => outcome.status)).toEqual(['rejected', 'rejected']);
      await once(silent, 'close');
    };
    await round();
    const before = await belongings();
    for (let count = 0; count < 5; count += 1) await round();
    await belongingsAsBefore(before);
  });
});
