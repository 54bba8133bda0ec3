/** What the reference prints when a plugin is started by hand, and a line of ours. Goes to stderr; the exit code is 1. */
export const BARE_START_TEXT = `This binary is a plugin. These are not meant to be executed directly.
Please execute the program that consumes these plugins, which will
load any plugins automatically
It is the OpenBao keystore plugin of OpenKCM: name its path and type in the plugin configuration of that program.
As a tool it takes commands: keystoreop-openbao --help lists them.
`;
