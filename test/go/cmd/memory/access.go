package main

import (
	"bytes"
	"crypto/subtle"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
)

const (
	accountMember = "account"
	tokenMember   = "token"
	regionMember  = "region"
)

var (
	keyIDPattern  = regexp.MustCompile(`^[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,253}[A-Za-z0-9_])?$`)
	regionPattern = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,50}$`)
)

// Members that access data may have beside the account: CMK adds those of a region.
var (
	managementMembers = []string{accountMember, regionMember}
	regionMembers     = []string{accountMember, "certificateSubject", "isEditable", "versionIdentifier"}
)

// admit tells the account of a call from its values. Members that nobody knows are nobody's concern.
func (own *settings) admit(values map[string]any) (account string, err error) {
	if len(own.Tokens) == 0 {
		return "", nil
	}
	if absent := absentMembers(values, accountMember, tokenMember); absent != "" {
		return "", missing(absent)
	}
	account, isText := values[accountMember].(string)
	token, isTextToo := values[tokenMember].(string)
	if !isText || !isTextToo {
		return "", refuse(accessDataUnusable)
	}
	if subtle.ConstantTimeCompare([]byte(token), []byte(own.Tokens[account])) != 1 {
		return "", refuse(loginRefused)
	}
	return account, nil
}

func absentMembers(values map[string]any, names ...string) string {
	return strings.Join(slices.DeleteFunc(names, func(name string) bool {
		return values[name] != nil && values[name] != ""
	}), ",")
}

// validateAccessData refuses what a tenant may not register.
func validateAccessData(management, crypto map[string]any) error {
	if err := checkPart(management, managementMembers, ""); err != nil {
		return err
	}
	for _, region := range slices.Sorted(maps.Keys(crypto)) {
		part, isObject := crypto[region].(map[string]any)
		if !isObject {
			return refuse(accessDataUnusable)
		}
		if err := checkPart(part, regionMembers, "crypto."+region+"."); err != nil {
			return err
		}
	}
	return nil
}

func checkPart(part map[string]any, allowed []string, prefix string) error {
	for name := range part {
		if !slices.Contains(allowed, name) {
			return refuse(accessDataUnusable)
		}
	}
	if absentMembers(part, accountMember) != "" {
		return missing(prefix + accountMember)
	}
	if _, isText := part[accountMember].(string); !isText {
		return refuse(accessDataUnusable)
	}
	return nil
}

// transform turns access data into what a caller in each region is handed. A region that cannot be used is left out.
func transform(accessData []byte) (map[string][]byte, error) {
	var regions map[string]any
	if err := json.Unmarshal(bytes.TrimSpace(accessData), &regions); err != nil {
		return nil, refuse(invalidRequest)
	}
	transformed := map[string][]byte{}
	for region, value := range regions {
		part, isObject := value.(map[string]any)
		if !isObject || checkPart(part, regionMembers, "") != nil {
			continue
		}
		handed := map[string]any{accountMember: part[accountMember], "versionIdentifier": part["versionIdentifier"]}
		text, err := json.Marshal(handed)
		if err != nil {
			return nil, err
		}
		transformed[region] = text
	}
	return transformed, nil
}

// regionOf tells the region that management data name, or the one of the configuration.
func (own *settings) regionOf(management map[string]any) (string, error) {
	region, isText := own.Region, true
	if management[regionMember] != nil {
		region, isText = management[regionMember].(string)
	}
	if !isText || !regionPattern.MatchString(region) {
		return "", refuse(invalidRequest)
	}
	return region, nil
}
