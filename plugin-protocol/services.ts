// The services every go-plugin process serves besides those of the application.
export {
  GRPCBrokerClient as BrokerClient,
  GRPCBrokerService as BrokerService,
} from '../proto/gen/plugin/grpc_broker.ts';
export {
  GRPCControllerClient as ControllerClient,
  GRPCControllerService as ControllerService,
} from '../proto/gen/plugin/grpc_controller.ts';
export { GRPCStdioClient as StdioClient, GRPCStdioService as StdioService } from '../proto/gen/plugin/grpc_stdio.ts';
export { HealthClient, HealthService } from '../proto/gen/grpc/health/v1/health.ts';
export {
  ServerReflectionClient as ReflectionV1Client,
  ServerReflectionService as ReflectionV1Service,
} from '../proto/gen/grpc/reflection/v1/reflection.ts';
export {
  ServerReflectionClient as ReflectionV1AlphaClient,
  ServerReflectionService as ReflectionV1AlphaService,
} from '../proto/gen/grpc/reflection/v1alpha/reflection.ts';

/** The name under which a host asks `grpc.health.v1.Health` for the plugin. */
export const HEALTH_SERVICE_NAME = 'plugin';
