import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { parse, parseAllDocuments } from 'yaml';

import { documentedBlocks, documentedCommands } from '../../support/operations-document.ts';
import { type Authority, createAuthority, type LeafOptions } from '../../support/pki.ts';
import { startTokenReviews } from '../../support/token-review.ts';
import { emptyPlace, type Place } from './place.ts';

/** What a reader with certificates has: one to log in with, and the authority that signed it. */
async function certificateFiles(place: Place, form: Partial<LeafOptions> = {}) {
  const authority = await createAuthority({ commonName: 'OpenKCM tenants' });
  const CLIENT_NAME = 'cmk-tenant-1';
  const day = new Date(Date.now() + 30 * 86_400_000);
  const { certificatePem, privateKeyPem } = await authority.issue({ commonName: CLIENT_NAME, notAfter: day, ...form });
  return {
    authority,
    variables: {
      CLIENT_NAME,
      CLIENT_AUTHORITY: await place.write('authority.pem', authority.certificatePem),
      CLIENT_CERTIFICATE: await place.write('client.pem', certificatePem),
      CLIENT_KEY: await place.write('client.key', privateKeyPem),
    },
  };
}

/** The end of a text of the doctor that has found nothing wrong and nothing to warn of. */
function expectGreen(examination: string): void {
  expect(examination).toMatch(/^ {2}plugin +ready$/m);
  expect(examination).toMatch(/^ {2}ok +use\.round-trip l1: /m);
  expect(examination).toMatch(/^ {2}checks +\d+ ok, \d with a warning, 0 failed, /m);
  const warnings = [...examination.matchAll(/^ {2}warn +(\S+)/gm)].map(([, id]) => id);
  // How fast this machine is today tells nothing of the set-up.
  expect(warnings.filter((id) => id !== 'use.latency')).toEqual([]);
  expect(examination).toMatch(/^ {2}policies +keystoreop$/m);
}

describe('R-OPS-01 a set-up of docs/operations.md leads from an empty OpenBao to a green doctor', () => {
  test('AppRole', async () => {
    await using place = await emptyPlace();
    expectGreen(await place.setUp('AppRole'));
    expect(await readdir(place.credentials)).toEqual(['role-id', 'secret-id']);
  });

  test('Kubernetes', async () => {
    await using place = await emptyPlace();
    await using reviews = await startTokenReviews();
    // The token is as the documented volume would project it.
    const [cluster = '', values = ''] = documentedBlocks('Kubernetes', 'yaml');
    const objects = parseAllDocuments(cluster).map((document) => document.toJS() as Record<string, unknown>);
    expect(objects.map(({ kind }) => kind)).toEqual(['ServiceAccount', 'ClusterRoleBinding', 'Secret']);
    const { extraVolumes, extraVolumeMounts } = parse(values) as Values;
    const { audience, path } = extraVolumes[0]!.projected.sources[0]!.serviceAccountToken;
    expect(extraVolumeMounts[0]).toMatchObject({ name: extraVolumes[0]!.name, mountPath: '/run/secrets/openbao' });
    const token = reviews.project({ namespace: 'openkcm', name: 'cmk', audience });
    await writeFile(join(place.credentials, path), token, { mode: 0o600 });

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
    const { authority, variables } = await certificateFiles(place, {
      algorithm: 'RSA-3072',
      keyFormat: 'pkcs1',
      locality: 'eu10',
    });
    expectGreen(await place.setUp('A certificate with each call', variables));
    expect(await readdir(place.folder)).not.toContain('access.json');

    // Then another authority signs the certificates.
    const next = await createAuthority({ commonName: 'OpenKCM tenants 2' });
    const NEXT_AUTHORITY = await place.write('next-authority.pem', next.certificatePem);
    const logIn = async (issuer: Authority, commonName = variables.CLIENT_NAME): Promise<unknown> => {
      const { certificatePem: certificate, privateKeyPem: key } = await issuer.issue({ commonName });
      const body = { name: 'keystoreop' };
      const answer = await place.node.request('POST', 'auth/cert/login', body, { token: '', certificate, key });
      return answer.status === 200 ? (answer.body as Login).auth.policies : answer.status;
    };
    expect(await logIn(next)).toBe(400);
    await place.run(documentedCommands('Certificates and authorities'), { ...variables, NEXT_AUTHORITY });
    expect(await logIn(authority)).toEqual(['keystoreop']);
    expect(await logIn(next)).toEqual(['keystoreop']);
    expect(await logIn(next, 'cmk-tenant-2')).toBe(400);
  });

  test('a certificate of the process', async () => {
    await using place = await emptyPlace();
    const { variables } = await certificateFiles(place);
    expectGreen(await place.setUp('A certificate of the process', variables));
    expect(await readFile(join(place.credentials, 'tls.crt'), 'utf8')).toContain('BEGIN CERTIFICATE');
  });
});

interface Login {
  readonly auth: { readonly policies: readonly string[] };
}

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
