import { type Check, failed, type Finding, ok, warning } from '../check.ts';
import { type AddressLook, NOT_PUBLIC } from '../look-at-address.ts';

export const NETWORK_CHECKS: readonly Check[] = [
  {
    id: 'network.dns',
    title: 'every address leads somewhere',
    needs: ['config.address', 'files.readable'],
    pre: true,
    backend: true,
    cause:
      'The name is misspelt or unknown to the resolver of this machine, or it leads to an address that is not public.',
    fix: `Correct the name, or the resolver; for a name of your own network set privateAddresses: true at its entry of openbao.allowedAddresses.`,
    async examine(examination) {
      const looks = await examination.addresses();
      return some(looks, ({ dns }) => ('error' in dns ? (RESOLUTION[dns.error] ?? dns.error) : undefined), 'found');
    },
  },
  {
    id: 'network.connect',
    title: 'every address takes connections',
    needs: ['network.dns'],
    pre: true,
    backend: true,
    cause: 'Nothing listens there, or a firewall or network policy lies between.',
    fix: 'Open the way from this machine to the port, or correct the port; see that OpenBao runs and listens there.',
    async examine(examination) {
      const looks = await examination.addresses();
      const found = looks.filter(({ connect }) => connect !== undefined);
      return some(found, ({ connect }) => (connect && 'error' in connect ? connect.error : undefined), 'connected');
    },
  },
];

const RESOLUTION: Readonly<Record<string, string>> = {
  [NOT_PUBLIC]: 'leads to an address that is not public',
};

/** One address that works is enough to go on; without any there is nothing to go on with. */
function some(
  looks: readonly AddressLook[],
  errorOf: (look: AddressLook) => string | undefined,
  good: string,
): Finding {
  const faults = looks.flatMap((look) => {
    const error = errorOf(look);
    return error === undefined ? [] : [`${look.origin}: ${error}`];
  });
  if (faults.length === 0) return ok(`${good}: ${looks.map(({ origin }) => origin).join(', ')}`);
  return faults.length < looks.length ? warning(faults.join('; ')) : failed(faults.join('; '));
}
