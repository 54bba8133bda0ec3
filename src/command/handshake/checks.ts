/** What the self-test looks at, in this order: what is checked, and what to do when it fails. */
export const CHECKS = {
  start: {
    what: 'the process starts',
    fix: 'Look whether the file is whole, executable and built for this machine; what it said is below.',
  },
  line: {
    what: 'the first line of stdout is a handshake that a host takes',
    fix: 'The log below tells why there is none, or another program stands in the plugin’s place.',
  },
  certificate: {
    what: 'the line carries the certificate, valid now, that the socket presents',
    fix: 'A host refuses this plugin. Check the clock of the machine; take the file of a release.',
  },
  socket: {
    what: 'the socket lies where the host wants it, closed to others',
    fix: 'Others on this machine can reach the plugin. Take the file of a release.',
  },
  strangers: {
    what: 'no client is let in but the host',
    fix: 'Do not use this plugin: whoever reaches its socket can use the keys. Take the file of a release.',
  },
  streams: {
    what: 'the streams that a host holds open are there',
    fix: 'A Go host logs an error or gives up. Take the file of a release.',
  },
  health: {
    what: 'health says SERVING',
    fix: 'A host would restart this plugin. The log below may tell why.',
  },
  init: {
    what: 'Init names the services of the plugin type',
    fix: 'A host would not find what it needs. Check that the file is this plugin, and the plugin type.',
  },
  reflection: {
    what: 'reflection lists every service',
    fix: 'grpcurl cannot look into this plugin. Take the file of a release.',
  },
  services: {
    what: 'every method of every service answers, and before Configure with a refusal',
    fix: 'The methods named here are not as the contract has them. Take the file of a release.',
  },
  configure: {
    what: 'Configure takes the configuration',
    fix: 'Correct what the message names; config check tells the lines.',
  },
  shutdown: {
    what: 'after Shutdown the process ends by itself within 2 s, with code 0',
    fix: 'A host kills this plugin at every stop, and work in progress with it. The log below may tell why.',
  },
  stdout: {
    what: 'stdout has the one line and nothing else',
    fix: 'Something printed to stdout, which belongs to the handshake. Take the file of a release.',
  },
  log: {
    what: 'stderr has log lines and nothing else',
    fix: 'A host shows other text as debug lines. What it said is below.',
  },
  remains: {
    what: 'nothing is left of it',
    fix: 'Remove what is named here; something kept the plugin from doing so.',
  },
} as const satisfies Readonly<Record<string, { readonly what: string; readonly fix: string }>>;

export type CheckId = keyof typeof CHECKS;
