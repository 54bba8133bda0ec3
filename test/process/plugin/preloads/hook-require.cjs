const Module = require('node:module');

const { _load: load } = Module;

// Runs `action` once, when somebody first requires this module of Node: in the middle of a dependency's own start.
exports.hookRequire = (name, action) => {
  let done = false;
  Module._load = (request, ...rest) => {
    if (!done && request === name) {
      done = true;
      action();
    }
    return load(request, ...rest);
  };
};
