import type {
  DescriptorProto,
  EnumDescriptorProto,
  FileDescriptorProto,
} from 'google-protobuf/google/protobuf/descriptor_pb.js';

/** The compiled `.proto` files by name and by the symbols they define. */
export interface DescriptorIndex {
  hasFile(name: string): boolean;
  /** The file that defines a full name: a service, method, message, field, oneof, enum or enum value. */
  fileOf(symbol: string): string | undefined;
  /** The file and what it imports, serialized; of the imports only those that are not in `sent`, to which all are added. */
  withDependencies(file: string, sent: Set<string>): Buffer[];
}

let loading: Promise<DescriptorIndex> | undefined;

/** Loads google-protobuf and the descriptor set once, at the first call: neither is needed to serve anything else. */
export function loadDescriptorIndex(): Promise<DescriptorIndex> {
  return (loading ??= load());
}

async function load(): Promise<DescriptorIndex> {
  const [{ default: descriptors }, { DESCRIPTOR_SET_BASE64 }] = await Promise.all([
    import('google-protobuf/google/protobuf/descriptor_pb.js'),
    import('../../proto/gen/descriptor-set.ts'),
  ]);
  const set = descriptors.FileDescriptorSet.deserializeBinary(Buffer.from(DESCRIPTOR_SET_BASE64, 'base64'));
  return indexFiles(set.getFileList());
}

function indexFiles(list: readonly FileDescriptorProto[]): DescriptorIndex {
  const files = new Map(list.map((file) => [file.getName() ?? '', file]));
  const symbols = new Map<string, string>();
  for (const [name, file] of files) {
    for (const symbol of symbolsOf(file)) symbols.set(symbol, name);
  }
  return {
    hasFile: (name) => files.has(name),
    fileOf: (symbol) => symbols.get(symbol),
    withDependencies: (name, sent) => {
      const serialized: Buffer[] = [];
      const queue = [name];
      for (const next of queue) {
        const file = files.get(next);
        if (file === undefined || (serialized.length > 0 && sent.has(next))) continue;
        sent.add(next);
        serialized.push(Buffer.from(file.serializeBinary()));
        queue.push(...file.getDependencyList());
      }
      return serialized;
    },
  };
}

function symbolsOf(file: FileDescriptorProto): string[] {
  const scope = file.getPackage() ? `${file.getPackage() ?? ''}.` : '';
  return [
    ...file.getMessageTypeList().flatMap((message) => messageSymbols(scope, message)),
    ...file.getEnumTypeList().flatMap((type) => enumSymbols(scope, type)),
    ...file.getServiceList().flatMap((service) => {
      const name = `${scope}${service.getName() ?? ''}`;
      return [name, ...service.getMethodList().map((method) => `${name}.${method.getName() ?? ''}`)];
    }),
  ];
}

function messageSymbols(scope: string, message: DescriptorProto): string[] {
  const name = `${scope}${message.getName() ?? ''}`;
  const inner = `${name}.`;
  const members = [...message.getFieldList(), ...message.getOneofDeclList()];
  return [
    name,
    ...members.map((member) => `${inner}${member.getName() ?? ''}`),
    ...message.getNestedTypeList().flatMap((nested) => messageSymbols(inner, nested)),
    ...message.getEnumTypeList().flatMap((type) => enumSymbols(inner, type)),
  ];
}

/** Enum values are siblings of their type, as in C++. */
function enumSymbols(scope: string, type: EnumDescriptorProto): string[] {
  return [type, ...type.getValueList()].map((named) => `${scope}${named.getName() ?? ''}`);
}
