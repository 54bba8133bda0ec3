import {
  FieldDescriptorProto,
  FileDescriptorSet,
  type DescriptorProto,
  type EnumDescriptorProto,
  type FileDescriptorProto,
  type MethodDescriptorProto,
} from 'google-protobuf/google/protobuf/descriptor_pb.js';

import type { PackageTable } from '../../vectors/wire-contract.ts';

interface Mutable {
  services: Record<string, object>;
  enums: Record<string, object>;
  messages: Record<string, object>;
}

/** A descriptor set in the form of the hand-written table. */
export function describeDescriptorSet(bytes: Uint8Array): Record<string, PackageTable> {
  const packages: Partial<Record<string, Mutable>> = {};
  for (const file of FileDescriptorSet.deserializeBinary(bytes).getFileList()) {
    const name = file.getPackage() ?? '';
    describeFile(file, (packages[name] ??= { services: {}, enums: {}, messages: {} }));
  }
  return packages as Record<string, PackageTable>;
}

/** Every file of a descriptor set with its syntax. */
export function fileSyntaxes(bytes: Uint8Array): Record<string, string | undefined> {
  const files = FileDescriptorSet.deserializeBinary(bytes).getFileList();
  return Object.fromEntries(files.map((file) => [file.getName() ?? '', file.getSyntax()]));
}

function describeFile(file: FileDescriptorProto, table: Mutable): void {
  const scope = file.getPackage() ?? '';
  for (const service of file.getServiceList()) {
    table.services[service.getName() ?? ''] = Object.fromEntries(
      service
        .getMethodList()
        .map((method): [string, string] => [method.getName() ?? '', describeMethod(method, scope)]),
    );
  }
  for (const each of file.getEnumTypeList()) table.enums[each.getName() ?? ''] = describeEnum(each);
  for (const each of file.getMessageTypeList()) describeMessage(each, '', scope, table);
}

function describeMethod(method: MethodDescriptorProto, scope: string): string {
  const side = (type: string | undefined, streams: boolean | undefined): string =>
    `${streams === true ? 'stream ' : ''}${shortName(type, scope)}`;
  const request = side(method.getInputType(), method.getClientStreaming());
  return `${request} -> ${side(method.getOutputType(), method.getServerStreaming())}`;
}

function describeEnum(each: EnumDescriptorProto): Record<string, number | undefined> {
  return Object.fromEntries(each.getValueList().map((value) => [value.getName() ?? '', value.getNumber()]));
}

function describeMessage(message: DescriptorProto, prefix: string, scope: string, table: Mutable): void {
  const name = `${prefix}${message.getName() ?? ''}`;
  const entries = message.getNestedTypeList().filter((nested) => nested.getOptions()?.getMapEntry() === true);
  table.messages[name] = Object.fromEntries(
    message
      .getFieldList()
      .map((field): [number, string] => [field.getNumber() ?? 0, describeField(field, message, entries, scope)]),
  );
  for (const each of message.getEnumTypeList()) table.enums[`${name}.${each.getName() ?? ''}`] = describeEnum(each);
  for (const nested of message.getNestedTypeList()) {
    if (!entries.includes(nested)) describeMessage(nested, `${name}.`, scope, table);
  }
}

function describeField(
  field: FieldDescriptorProto,
  message: DescriptorProto,
  mapEntries: readonly DescriptorProto[],
  scope: string,
): string {
  const name = field.getName() ?? '';
  const entry = mapEntries.find((each) => field.getTypeName()?.endsWith(`.${each.getName() ?? ''}`));
  if (entry !== undefined) {
    const [key, value] = entry.getFieldList().map((each) => typeName(each, scope));
    return `map<${key ?? ''}, ${value ?? ''}> ${name}`;
  }
  const text = `${typeName(field, scope)} ${name}`;
  if (field.getLabel() === FieldDescriptorProto.Label.LABEL_REPEATED) return `repeated ${text}`;
  if (field.getProto3Optional() === true) return `optional ${text}`;
  const oneof = field.hasOneofIndex() ? message.getOneofDeclList()[field.getOneofIndex() ?? 0] : undefined;
  return oneof === undefined ? text : `${text} in ${oneof.getName() ?? ''}`;
}

function typeName(field: FieldDescriptorProto, scope: string): string {
  if (field.getTypeName() !== '') return shortName(field.getTypeName(), scope);
  const names = Object.entries(FieldDescriptorProto.Type);
  const [name = ''] = names.find(([, number]) => number === field.getType()) ?? [];
  return name.replace('TYPE_', '').toLowerCase();
}

function shortName(fullName: string | undefined, scope: string): string {
  const name = fullName?.replace(/^\./, '') ?? '';
  const rest = name.startsWith(`${scope}.`) ? name.slice(scope.length + 1) : name;
  // `plugin` is also the first part of other packages' names.
  return /^[A-Z]/.test(rest) ? rest : name;
}
