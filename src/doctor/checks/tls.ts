import { X509Certificate } from 'node:crypto';

import { type Check, failed, type Finding, ok, skipped, warning } from '../check.ts';
import type { Examination } from '../examination.ts';
import type { TlsLook } from '../look-at-address.ts';
import { agoOrAhead, worst } from '../wording.ts';
import { judgeValidity } from '../validity.ts';

export const TLS_CHECKS: readonly Check[] = [
  {
    id: 'tls.authorities',
    title: 'the trusted authorities can be used',
    needs: ['config.address', 'files.readable'],
    pre: true,
    backend: true,
    cause:
      'The file of openbao.ca, or of the ca of an allowed address, holds no certificate in PEM, or an expired one.',
    fix: 'Put the certificate of the authority that signs for OpenBao today into the file, in PEM.',
    async examine(examination) {
      const findings: Finding[] = [];
      for (const { ca, origin } of examination.place().endpoints) {
        if (ca === undefined) findings.push(ok(`${origin}: the authorities that Node was built with`));
        else findings.push(judgeAuthorities(origin, (await examination.read(ca)).reveal(), examination.now()));
      }
      return worst(findings);
    },
  },
  {
    id: 'tls.handshake',
    title: 'every address speaks TLS',
    needs: ['network.connect'],
    pre: true,
    backend: true,
    cause: 'The port speaks plain HTTP or something else, wants older TLS than 1.2, or what listens there hangs.',
    fix: 'Name the port of the TLS listener of OpenBao; set tls_min_version to tls12 or tls13 there.',
    examine: (examination) =>
      eachAddress(examination, (look) => ('error' in look ? failed(`no TLS (${look.error})`) : ok(look.protocol))),
  },
  {
    id: 'tls.trust',
    title: 'the certificates of the servers come from a trusted authority',
    needs: ['tls.handshake', 'tls.authorities'],
    pre: true,
    backend: true,
    cause:
      'The certificate was signed by another authority than that of openbao.ca, or the server does not send its chain.',
    fix: 'Put the certificate of the authority that signed it into the file of openbao.ca, or let the listener send its whole chain.',
    examine: (examination) =>
      eachTls(examination, (look) => {
        if (look.trustError === undefined) return ok('trusted');
        // Told by the check of the dates.
        if (isExpired(look, examination.now())) return ok('trusted but for its dates');
        return failed(`not trusted (${look.trustError})`);
      }),
  },
  {
    id: 'tls.name',
    title: 'the certificates of the servers are for their names',
    needs: ['tls.handshake'],
    pre: true,
    backend: true,
    cause: 'The address is spelt otherwise than in the certificate: another name, or an IP address.',
    fix: 'Use a name of the certificate as the address, or set serverName to one.',
    examine: (examination) =>
      eachTls(examination, ({ expectedName, nameMatches, names }) =>
        nameMatches ? ok(`good for ${expectedName}`) : failed(`not for ${expectedName} but for ${names}`),
      ),
  },
  {
    id: 'tls.expiry',
    title: 'the certificates of the servers are valid for some time',
    needs: ['tls.handshake'],
    pre: true,
    backend: true,
    cause: 'The certificate was not renewed, the listener was not reloaded after that, or a clock is wrong.',
    fix: 'Renew the certificate and reload OpenBao (SIGHUP); see that it is renewed by itself from now on.',
    examine: (examination) =>
      eachTls(examination, ({ chain }) => worst(chain.map((one) => judgeValidity(one, examination.now())))),
  },
];

function judgeAuthorities(origin: string, pem: string, now: number): Finding {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  const certificates = blocks.flatMap((block) => {
    try {
      return [new X509Certificate(block)];
    } catch {
      return [];
    }
  });
  if (certificates.length === 0 || certificates.length < blocks.length) {
    return failed(`${origin}: there is no certificate in PEM, or one that cannot be read`);
  }
  const expired = certificates.filter(({ validToDate }) => validToDate.getTime() <= now);
  if (expired.length === 0)
    return ok(`${origin}: ${certificates.length === 1 ? '1 authority' : `${certificates.length} authorities`}`);
  const last = Math.max(...expired.map(({ validToDate }) => validToDate.getTime()));
  const text = `${origin}: ${expired.length} of ${certificates.length} authorities expired, the last ${agoOrAhead(last, now)}`;
  return expired.length === certificates.length ? failed(text) : warning(text);
}

function isExpired({ chain }: TlsLook, now: number): boolean {
  return chain.some(({ notAfter, notBefore }) => notAfter.getTime() <= now || notBefore.getTime() > now);
}

/** What all addresses with a connection have to show; each finding says whose it is. */
async function eachAddress(
  examination: Examination,
  judge: (look: TlsLook | { readonly error: string }) => Finding,
): Promise<Finding> {
  const looks = (await examination.addresses()).flatMap(({ origin, tls }) =>
    tls === undefined ? [] : [{ origin, tls }],
  );
  if (looks.length === 0) return skipped('plain http, which development mode allows');
  return worst(
    looks.map(({ origin, tls }) => {
      const { text, ...finding } = judge(tls);
      return { ...finding, text: `${origin}: ${text}` };
    }),
  );
}

function eachTls(examination: Examination, judge: (look: TlsLook) => Finding): Promise<Finding> {
  return eachAddress(examination, (look) => ('error' in look ? skipped('no TLS') : judge(look)));
}
