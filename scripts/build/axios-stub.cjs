// node-vault requires axios when it loads. We give it a transport of our own, so reaching axios is a mistake.
const refuse = () => {
  throw new Error('axios is not part of this program');
};

module.exports = { create: refuse, request: refuse };
