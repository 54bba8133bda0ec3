package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"os"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// directTarget is one POST to OpenBao, without the plugin.
type directTarget struct {
	URL    string `json:"url"`
	CAFile string `json:"caFile"`
	Token  string `json:"token"`
	Body   string `json:"body"`
}

// prepare returns a function that makes the request each time, on connections that stay open.
func (target directTarget) prepare(callers int) (send func(context.Context) error, closeIdle func(), err error) {
	authority, err := os.ReadFile(target.CAFile)
	if err != nil {
		return nil, nil, err
	}
	trusted := x509.NewCertPool()
	if !trusted.AppendCertsFromPEM(authority) {
		return nil, nil, fmt.Errorf("no certificate in %s", target.CAFile)
	}
	transport := &http.Transport{
		TLSClientConfig:     &tls.Config{RootCAs: trusted, MinVersion: tls.VersionTLS12},
		MaxIdleConnsPerHost: callers,
	}
	client := &http.Client{Transport: transport}
	send = func(ctx context.Context) error {
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, target.URL, bytes.NewReader([]byte(target.Body)))
		if err != nil {
			return err
		}
		request.Header.Set("X-Vault-Token", target.Token)
		request.Header.Set("Content-Type", "application/json")
		response, err := client.Do(request)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		if _, err := io.Copy(io.Discard, response.Body); err != nil {
			return err
		}
		if response.StatusCode != http.StatusOK {
			return status.Error(codes.Unknown, response.Status)
		}
		return nil
	}
	return send, transport.CloseIdleConnections, nil
}
