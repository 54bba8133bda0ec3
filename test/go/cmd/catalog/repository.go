package main

import (
	"github.com/openkcm/plugin-sdk/api"
	"github.com/openkcm/plugin-sdk/pkg/plugin"
	certificateissuerv1 "github.com/openkcm/plugin-sdk/proto/plugin/certificate_issuer/v1"
	managementv1 "github.com/openkcm/plugin-sdk/proto/plugin/keystore/management/v1"
	operationsv1 "github.com/openkcm/plugin-sdk/proto/plugin/keystore/operations/v1"
)

// repository offers the catalog the two keystore plugin types, as CMK does, and one that no keystore plugin serves.
type repository struct{}

func (repository) Plugins() map[string]api.PluginRepo {
	return map[string]api.PluginRepo{
		operationsv1.Type:        pluginRepo{func() api.Facade { return &operations{} }},
		managementv1.Type:        pluginRepo{func() api.Facade { return &management{} }},
		certificateissuerv1.Type: pluginRepo{func() api.Facade { return &certificateIssuer{} }},
	}
}

func (repository) Services() []api.ServiceRepo { return nil }

// pluginRepo binds version 1 of one type. Nothing is kept: calls go over the plugin's connection.
type pluginRepo struct{ facade func() api.Facade }

func (pluginRepo) Binder() any                  { return func(api.Facade) {} }
func (pluginRepo) Clear()                       {}
func (pluginRepo) Constraints() api.Constraints { return api.ZeroOrMore() }
func (repo pluginRepo) Versions() []api.Version { return []api.Version{version1(repo)} }

type version1 struct{ facade func() api.Facade }

func (version version1) New() api.Facade { return version.facade() }
func (version1) Deprecated() bool        { return false }

type operations struct {
	plugin.Facade
	operationsv1.KeystoreInstanceKeyOperationPluginClient
}

func (operations) Version() uint { return 1 }

type management struct {
	plugin.Facade
	managementv1.KeystoreProviderPluginClient
}

func (management) Version() uint { return 1 }

type certificateIssuer struct {
	plugin.Facade
	certificateissuerv1.CertificateIssuerServicePluginClient
}

func (certificateIssuer) Version() uint { return 1 }
