import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { parseAllDocuments } from 'yaml';

import { type RaftCluster, startRaftCluster } from '../../../scripts/openbao/raft-cluster.ts';
import { administratorShell, documentedBlocks, documentedCommands } from '../../support/operations-document.ts';
import { createAuthority, type LeafOptions } from '../../support/pki.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { startTokenReviews } from '../../support/token-review.ts';

const KEY = 'l1';

/** An OpenBao that was only initialised, and the places that the document leaves to its reader. */
async function emptyPlace() {
  await using resources = new AsyncDisposableStack();
  const folder = resources.use(await temporaryFolder());
  const cluster: RaftCluster = resources.use(await startRaftCluster({ nodes: 1 }));
  const { address } = await cluster.active();
  const CREDENTIALS = join(folder.path, 'credentials');
  await mkdir(CREDENTIALS);
  const run = administratorShell({ ...cluster, address }, folder.path);
  const held = resources.move();
  return {
    folder: folder.path,
    CREDENTIALS,
    /** What the last command of the set-up has printed: the examination. */
    setUp: (way: string, variables: Readonly<Record<string, string>> = {}) =>
      run(documentedCommands('The key', way), { KEY, CREDENTIALS, ...variables }),
    async write(name: string, content: string): Promise<string> {
      const file = join(folder.path, name);
      await writeFile(file, content, { mode: 0o600 });
      return file;
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

type Place = Awaited<ReturnType<typeof emptyPlace>>;

/** What a reader with certificates has: one to log in with, and the authority that signed it. */
async function certificateFiles(place: Place, form: Partial<LeafOptions> = {}) {
  const authority = await createAuthority({ commonName: 'OpenKCM tenants' });
  const CLIENT_NAME = 'cmk-tenant-1';
  const day = new Date(Date.now() + 30 * 86_400_000);
  const { certificatePem, privateKeyPem } = await authority.issue({ commonName: CLIENT_NAME, notAfter: day, ...form });
  return {
    CLIENT_NAME,
    CLIENT_AUTHORITY: await place.write('authority.pem', authority.certificatePem),
    CLIENT_CERTIFICATE: await place.write('client.pem', certificatePem),
    CLIENT_KEY: await place.write('client.key', privateKeyPem),
  };
}

/** The end of a text of the doctor that has found nothing wrong and nothing to warn of. */
function expectGreen(examination: string): void {
  expect(examination).toMatch(/^ {2}plugin +ready$/m);
  expect(examination).toMatch(/^ {2}ok +use\.round-trip l1: /m);
  expect(examination).toMatch(/^ {2}checks +\d+ ok, 0 with a warning, 0 failed, /m);
  expect(examination).toMatch(/^ {2}policies +keystoreop$/m);
}

describe('a set-up of docs/operations.md leads from an empty OpenBao to a green doctor', () => {
  test('AppRole', async () => {
    await using place = await emptyPlace();
    expectGreen(await place.setUp('AppRole'));
    expect(await readdir(place.CREDENTIALS)).toEqual(['role-id', 'secret-id']);
  });

  test('Kubernetes', async () => {
    await using place = await emptyPlace();
    await using reviews = await startTokenReviews();
    // The token is as the documented volume would project it.
    const [cluster = '', values = ''] = documentedBlocks('Kubernetes', 'yaml');
    const objects = parseAllDocuments(cluster).map((document) => document.toJS() as Record<string, unknown>);
    expect(objects.map(({ kind }) => kind)).toEqual(['ServiceAccount', 'ClusterRoleBinding', 'Secret']);
    const [{ extraVolumes, extraVolumeMounts }] = parseAllDocuments(values).map((text) => text.toJS() as Values);
    const { audience, path } = extraVolumes[0]!.projected.sources[0]!.serviceAccountToken;
    expect(extraVolumeMounts[0]).toMatchObject({ name: extraVolumes[0]!.name, mountPath: '/run/secrets/openbao' });
    const token = reviews.project({ namespace: 'openkcm', name: 'cmk', audience });
    await writeFile(join(place.CREDENTIALS, path), token, { mode: 0o600 });

    expectGreen(
      await place.setUp('Kubernetes', {
        KUBERNETES_HOST: reviews.address,
        KUBERNETES_CA: await place.write('kubernetes-ca.pem', reviews.caPem),
        REVIEWER_TOKEN: await place.write('reviewer-token', 'token-of-the-reviewer\n'),
      }),
    );
    expect(reviews.reviewerToken).toBe('token-of-the-reviewer');
  });

  test('a certificate with each call', async () => {
    await using place = await emptyPlace();
    const files = await certificateFiles(place, { algorithm: 'RSA-3072', keyFormat: 'pkcs1', locality: 'eu10' });
    expectGreen(await place.setUp('A certificate with each call', files));
    expect(await readdir(place.folder)).not.toContain('access.json');
  });

  test('a certificate of the process', async () => {
    await using place = await emptyPlace();
    const files = await certificateFiles(place);
    expectGreen(await place.setUp('A certificate of the process', files));
    expect(await readFile(join(place.CREDENTIALS, 'tls.crt'), 'utf8')).toContain('BEGIN CERTIFICATE');
  });
});

interface Values {
  readonly extraVolumes: readonly {
    readonly name: string;
    readonly projected: { readonly sources: readonly { readonly serviceAccountToken: ProjectedToken }[] };
  }[];
  readonly extraVolumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
}

interface ProjectedToken {
  readonly audience: string;
  readonly path: string;
}
