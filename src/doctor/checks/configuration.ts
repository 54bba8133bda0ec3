import { type Check, failed, ok, skipped, warning } from '../check.ts';

export const CONFIGURATION_CHECKS: readonly Check[] = [
  {
    id: 'config.valid',
    title: 'the configuration is valid',
    needs: [],
    pre: true,
    cause: 'The text is no YAML, has unknown keys, or values that do not go together.',
    fix: 'Correct what is named; docs/reference/configuration.md lists every key.',
    examine(examination) {
      const { auth } = examination.configuration();
      return ok(`the configuration is complete; login by ${auth.method}`);
    },
  },
  {
    id: 'config.access-data',
    title: 'the access data can be used',
    needs: ['config.valid'],
    pre: true,
    cause: 'The access data of the call lack a field, or name a place that the configuration does not allow.',
    fix: 'Give the access data as CMK would send them, and list their address in openbao.allowedAddresses.',
    examine(examination) {
      examination.place();
      const target = examination.target();
      if (target === undefined) return skipped('the calls bring the identity, and no access data were given');
      return ok(`calls go to ${target.cluster.origins.join(', ')}`);
    },
  },
  {
    id: 'config.address',
    title: 'there is an address to go to',
    needs: ['config.access-data'],
    pre: true,
    cause: 'Neither openbao.addresses nor openbao.allowedAddresses names an address without a pattern.',
    fix: 'List the addresses of OpenBao in openbao.addresses, or give access data with an address.',
    examine(examination) {
      const origins = examination.place().endpoints.map(({ origin }) => origin);
      return origins.length === 0 ? failed('no address can be looked at') : ok(origins.join(', '));
    },
  },
  {
    id: 'config.development',
    title: 'development mode is off',
    needs: ['config.valid'],
    pre: true,
    cause: 'development: true allows plain http to this machine and secrets outside of files.',
    fix: 'Take development out of the configuration of every real system.',
    examine: (examination) =>
      examination.configuration().development ? warning('development mode is on') : ok('development mode is off'),
  },
];
