import { PLUGIN_TYPES } from '../../keystore-contract/plugin-types.ts';
import type { CommandRow, OptionRow } from './command.ts';
import { EXAMPLE_METHODS } from './example-values.ts';
import { POLICY_ROLES } from './policy-roles.ts';

const TYPES = Object.keys(PLUGIN_TYPES);

const CONFIG: OptionRow = {
  name: 'config',
  value: { name: 'FILE', path: 'file' },
  help: 'The plugin’s configuration: the text of yamlConfiguration.',
};

const TYPE: OptionRow = {
  name: 'type',
  value: { name: 'TYPE', choices: TYPES },
  help: 'Plugin type. Without it KeystoreProvider when the configuration has a provider block, else the other.',
};

/** All commands. To add one is to add its row here and its file. */
export const COMMANDS: readonly CommandRow[] = [
  {
    name: 'handshake',
    summary: 'whether the plugin starts, and serves a host and nobody else',
    description:
      'Starts the plugin as a host would and looks at everything that a host relies on: the handshake line, the certificate, that strangers are refused, every service, the answer to Init, and an orderly stop. With --config it is configured, too; no call goes to OpenBao. Without EXECUTABLE the plugin is this very file.',
    arguments: [{ name: 'EXECUTABLE', help: 'Another plugin executable to look at.', required: false, path: 'file' }],
    options: [CONFIG, TYPE],
    examples: [
      { what: 'does this file work on this machine?', line: 'handshake' },
      { what: 'does it take this configuration?', line: 'handshake --config plugin.yaml' },
    ],
    exitCodes: [3, 6],
    load: () => import('./handshake/handshake.ts'),
  },
  {
    name: 'serve',
    summary: 'the plugin without a host, for grpcurl and debuggers',
    description:
      'Serves as a plugin does, with reflection, until it is interrupted; its log goes to stderr. The result is the handshake line and how to connect. With --tls-dir the client certificate that is let in, its key and the server’s certificate are written into that directory, which is made when it is missing; the files are removed at the end. With --no-tls there is no protection but that of the file system: whoever reaches the socket may use the plugin. The result then is the JSON that go-plugin’s hosts take to attach to a running plugin, which they can only without TLS.',
    arguments: [],
    options: [
      {
        name: 'tls-dir',
        value: { name: 'DIR', path: 'directory' },
        help: 'Where to write the files that a client needs.',
      },
      { name: 'no-tls', help: 'Serve plainly, on a socket that only this user reaches.' },
      CONFIG,
      TYPE,
    ],
    examples: [
      { what: 'for grpcurl; the command to call it is printed', line: 'serve --config plugin.yaml --tls-dir tls' },
      { what: 'for a host under a debugger', line: 'serve --no-tls' },
    ],
    exitCodes: [3],
    load: () => import('./serve.ts'),
  },
  {
    name: 'doctor',
    summary: 'what is wrong on the way to a key, and what mends it',
    description:
      'Looks at everything that the plugin needs, in its order: configuration, files, network, TLS, OpenBao, login, token, mount, key, rights that are missing and rights that nobody needs, and a round trip. Each check has an id that stays, and one that is not well tells the cause, the fix and the policy that would mend it. It logs in as the plugin does, changes nothing, and revokes its token at the end. Lists are separated by commas.',
    arguments: [],
    options: [
      { ...CONFIG, required: true },
      {
        name: 'key',
        value: { name: 'NAMES' },
        help: 'Keys to look at. Without it crypto.testKey of the configuration.',
      },
      {
        name: 'role',
        value: { name: 'ROLES' },
        help: `What the identity is for: ${POLICY_ROLES.join(', ')}. Without it provider for a configuration with a provider block, else hyok-management and crypto.`,
      },
      {
        name: 'access',
        value: { name: 'FILE', path: 'file' },
        help: 'Access data of a call as JSON (config.values), for auth.method callCertificate.',
      },
      { name: 'only', value: { name: 'LIST' }, help: 'These checks or groups, and what they need.' },
      { name: 'skip', value: { name: 'LIST' }, help: 'Not these checks or groups, nor what needs them.' },
      { name: 'pre', help: 'Before the key and its policy are there: leave out what needs them.' },
      {
        name: 'wait',
        value: { name: 'SECONDS' },
        byDefault: '0',
        help: 'How long to wait until a server is reachable and unsealed.',
      },
    ],
    examples: [
      { what: 'is all well with this key?', line: 'doctor --config plugin.yaml --key l1' },
      { what: 'before anybody has made key and policy', line: 'doctor --config plugin.yaml --pre --wait 60' },
      {
        what: 'rights alone, for a program',
        line: 'doctor --config plugin.yaml --key l1 --only rights,excess --output json',
      },
      {
        what: 'as CMK would come with a tenant’s certificate',
        line: 'doctor --config plugin.yaml --key l1 --access access.json',
      },
    ],
    exitCodes: [3, 4, 5],
    load: () => import('./doctor.ts'),
  },
  {
    name: 'policy',
    summary: 'the least policy in OpenBao for a role',
    description:
      'Prints exactly the rights that an identity needs, from the configuration, each with a comment that tells what fails without it. An identity that does more than one thing gets more than one role.',
    arguments: [
      {
        name: 'ROLE',
        help: 'hyok-management sees a customer’s key, byok-management keeps keys of tenants, crypto uses a key, provider makes keystores.',
        required: true,
        many: true,
        choices: POLICY_ROLES,
      },
    ],
    options: [
      { ...CONFIG, required: true },
      {
        name: 'key',
        value: { name: 'NAME' },
        help: 'The Transit key, or + for any. hyok-management and crypto need it; provider knows no key.',
      },
    ],
    examples: [
      {
        what: 'one identity that sees a key and uses it',
        line: 'policy hyok-management crypto --config plugin.yaml --key l1',
      },
      { what: 'straight into OpenBao', line: 'policy provider --config provider.yaml | bao policy write operator -' },
    ],
    exitCodes: [3],
    load: () => import('./policy.ts'),
  },
  {
    name: 'config check',
    summary: 'whether a configuration is right, with all problems',
    description:
      'Reports every problem with its line and path, as the plugin itself judges, and reads the files that the configuration names, as a login would. Nothing is connected to. Given a document of use case 007, Story 4 (vault_address and so on), it prints the same in the words of this plugin.',
    arguments: [
      { name: 'FILE', help: 'The text of yamlConfiguration, or a document of Story 4.', required: true, path: 'file' },
    ],
    options: [TYPE, { name: 'no-files', help: 'Leave the files alone that the configuration names.' }],
    examples: [
      { what: 'before it goes to CMK', line: 'config check plugin.yaml' },
      { what: 'from Story 4’s words to ours', line: 'config check story4.json > plugin.yaml' },
    ],
    exitCodes: [3],
    load: () => import('./config-check.ts'),
  },
  {
    name: 'config schema',
    summary: 'the JSON Schema of the configuration',
    description:
      'Prints the schema for editors and pipelines. It is made from the definition that validates; rules between keys are in config check only.',
    arguments: [],
    options: [],
    examples: [{ what: 'for an editor', line: 'config schema > plugin.schema.json' }],
    exitCodes: [],
    load: () => import('./config-schema.ts'),
  },
  {
    name: 'config example',
    summary: 'a configuration with comments, to start from',
    description:
      'Prints a configuration that is right, with every key: those that must be set have example values, the others are comments with their defaults.',
    arguments: [],
    options: [
      {
        name: 'method',
        value: { name: 'METHOD', choices: EXAMPLE_METHODS },
        help: 'How the plugin logs in. Without it callCertificate, and approle for KeystoreProvider.',
      },
      { name: 'type', value: { name: 'TYPE', choices: TYPES }, help: 'Plugin type.', byDefault: TYPES[0] ?? '' },
    ],
    examples: [{ what: 'for an identity of the plugin', line: 'config example --method approle > plugin.yaml' }],
    exitCodes: [],
    load: () => import('./config-example.ts'),
  },
  {
    name: 'explain',
    summary: 'cause, effect on CMK and remedy of an error class',
    description:
      'Takes the class of a log line or the reason of an answer (ErrorInfo). Without one it lists all classes with their causes.',
    arguments: [{ name: 'CLASS', help: 'For example key-disabled, or KEY_DISABLED.', required: false }],
    options: [],
    examples: [
      { what: 'what does this answer mean?', line: 'explain DENIED_BY_POLICY' },
      { what: 'all of them', line: 'explain' },
    ],
    exitCodes: [],
    load: () => import('./explain.ts'),
  },
  {
    name: 'version',
    summary: 'what this file was built from, or its checksum',
    description:
      'Tells version, commit, build time and runtime. With --checksum it reads its own file and prints the line that CMK’s plugin configuration takes, which makes the host refuse any other file.',
    arguments: [],
    options: [{ name: 'checksum', help: 'Print the line checksum: … for CMK’s configuration.' }],
    examples: [
      { what: 'which build is this?', line: 'version' },
      { what: 'the line for the plugin’s entry in CMK’s configuration', line: 'version --checksum' },
    ],
    exitCodes: [],
    load: () => import('./version.ts'),
  },
  {
    name: 'completion',
    summary: 'completion of these commands for a shell',
    description: 'Prints a script for the shell to read. Everything is in it: completing starts nothing.',
    arguments: [{ name: 'SHELL', help: 'The shell.', required: true, choices: ['bash', 'zsh', 'fish'] }],
    options: [],
    examples: [
      {
        what: 'in the shell’s start file',
        line: 'completion bash > ~/.local/share/bash-completion/completions/keystoreop-openbao',
      },
    ],
    exitCodes: [],
    load: () => import('./completion.ts'),
  },
];
