// @peculiar/x509 refuses to load without the metadata half of a Reflect polyfill; nothing we call needs more than this.
import './reflect-metadata.ts';

export * from '@peculiar/x509';
