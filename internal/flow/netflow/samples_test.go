//go:build samples

package netflow_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestPublicPayloads: the payloads of logstash-codec-netflow, of devices of two dozen makers, are what its tests say that they are;
// docs/conformance.md says where they come from and in what three points its tests are not followed.
func TestPublicPayloads(t *testing.T) {
	root := os.Getenv("TOCSIN_SAMPLES")
	dir := filepath.Join(root, "logstash-plugins/logstash-codec-netflow/spec/codecs")
	if info, err := os.Stat(dir); root == "" || err != nil || !info.IsDir() {
		t.Skip("the payloads are not there; put a copy of the project at $TOCSIN_SAMPLES/logstash-plugins/logstash-codec-netflow (docs/conformance.md)")
	}
	met := map[string]bool{}
	for _, p := range publicPayloads() {
		records, report := p.decode(t, dir)
		if len(records) != p.flows || report.Options != p.options || report.String() != p.problems {
			t.Errorf("%s: %d flows, %d options, %q, want %d, %d and %q", p.files, len(records), report.Options, &report, p.flows, p.options, p.problems)
			continue
		}
		for i, want := range p.facts {
			if got := factOf(&records[i]); got != want {
				t.Errorf("%s: flow %d is\n%s, want\n%s", p.files, i, got, want)
			}
		}
		for _, file := range strings.Fields(p.files) {
			met[file] = true
		}
	}
	there, err := filepath.Glob(filepath.Join(dir, "*.dat"))
	if err != nil || len(there) == 0 {
		t.Fatalf("no payloads in %s: %v", dir, err)
	}
	t.Logf("%d payloads of %d in %d cases", len(met), len(there), len(publicPayloads()))
	for _, path := range there {
		if !met[filepath.Base(path)] {
			t.Errorf("nobody says what is in %s", filepath.Base(path))
		}
	}
}

func publicPayloads() []payloads {
	return []payloads{
		{"ipfix.dat", 6, 1, "", facts{
			0: "192.168.253.1:60560 > 192.168.253.128:22 by 6, 260+0 bytes, 5+0 packets, 2015-05-13T11:20:13.506Z to 2015-05-13T11:20:26.232Z, interfaces 0>0, systems 0>0",
			1: "192.168.253.128:22 > 192.168.253.1:60560 by 6, 1000+0 bytes, 6+0 packets, 2015-05-13T11:20:13.506Z to 2015-05-13T11:20:26.232Z, interfaces 0>0, systems 0>0",
			2: "192.168.253.2:53 > 192.168.253.132:35262 by 17, 601+0 bytes, 2+0 packets, 2015-05-13T11:20:14.610Z to 2015-05-13T11:20:14.648Z, interfaces 0>0, systems 0>0",
			3: "192.168.253.132:35262 > 192.168.253.2:53 by 17, 148+0 bytes, 2+0 packets, 2015-05-13T11:20:14.610Z to 2015-05-13T11:20:14.648Z, interfaces 0>0, systems 0>0",
			4: "54.214.9.161:443 > 192.168.253.132:49935 by 6, 5946+0 bytes, 14+0 packets, 2015-05-13T11:20:14.648Z to 2015-05-13T11:20:15.898Z, interfaces 0>0, systems 0>0",
			5: "192.168.253.132:49935 > 54.214.9.161:443 by 6, 2608+0 bytes, 13+0 packets, 2015-05-13T11:20:14.648Z to 2015-05-13T11:20:15.898Z, interfaces 0>0, systems 0>0",
		}},
		{"ipfix_test_barracuda_extended_uniflow_tpl256.dat ipfix_test_barracuda_extended_uniflow_data256.dat", 2, 0, "", facts{
			1: "64.235.151.76:443 > 10.236.5.4:51917 by 6, 0+0 bytes, 0+0 packets, interfaces 3689>35233, systems 0>0",
		}},
		{"ipfix_test_barracuda_tpl.dat ipfix_test_barracuda_data256.dat", 8, 0, "", facts{
			7: "10.98.243.20:53 > 10.99.168.140:50294 by 17, 113+0 bytes, 1+0 packets, interfaces 41874>48660, systems 0>0",
		}},
		{"ipfix_test_ixia_tpldata256.dat", 1, 0, "", facts{
			0: "119.103.128.175:51695 > 202.170.60.247:36197 by 17, 360+0 bytes, 4+0 packets, 2018-10-25T12:24:19.882Z to 2018-10-25T12:24:32.022Z, interfaces 1>1, systems 4134>24090",
		}},
		{"ipfix_test_ixia_tpldata271.dat", 2, 0, "", facts{
			0: "61.227.100.96:9487 > 202.170.60.245:43431 by 17, 132+0 bytes, 2+0 packets, 2018-10-25T12:24:26.527Z to 2018-10-25T12:24:32.022Z, interfaces 45>45, systems 3462>24090",
		}},
		{"ipfix_test_juniper_mx240_junos151r6s3_opttpl512.dat ipfix_test_juniper_mx240_junos151r6s3_data512.dat", 0, 1, "", nil},
		{"ipfix_test_mikrotik_tpl.dat ipfix_test_mikrotik_data258.dat ipfix_test_mikrotik_data259.dat", 46, 0, "", facts{
			0:  "10.10.8.197:123 > 192.168.128.17:123 by 17, 152+0 bytes, 2+0 packets, interfaces 13>7, systems 0>0",
			45: "fe80::ff:fe00:1201:5678 > fe80::ff:fe00:1201:5678 by 17, 370+0 bytes, 2+0 packets, interfaces 17>0, systems 0>0",
		}},
		{"ipfix_test_netscaler_data.dat", 0, 0, "no-template", nil},
		{"ipfix_test_netscaler_data.dat ipfix_test_netscaler_tpl.dat ipfix_test_netscaler_tpl.dat ipfix_test_netscaler_data.dat", 6, 0, "no-template,bad-time", nil},
		{"ipfix_test_netscaler_tpl.dat ipfix_test_netscaler_data.dat", 3, 0, "no-template,bad-time", facts{
			2: "192.168.0.1:51053 > 10.0.0.1:443 by 6, 1541+0 bytes, 2+0 packets, 2016-11-11T12:09:19.000Z to 2016-11-11T12:09:19.000Z, interfaces 8>2147483651, systems 0>0",
		}},
		{"ipfix_test_nokia_bras_tpl.dat ipfix_test_nokia_bras_data256.dat", 1, 0, "", facts{
			0: "10.0.1.228:5878 > 10.0.0.34:80 by 6, 0+0 bytes, 0+0 packets, 2017-12-14T07:23:45.148Z to 2017-12-14T07:23:45.148Z, interfaces 0>0, systems 0>0",
		}},
		{"ipfix_test_openbsd_pflow_tpl.dat ipfix_test_openbsd_pflow_data.dat", 26, 0, "", facts{
			25: "192.168.0.1:80 > 192.168.0.17:64026 by 6, 6425+0 bytes, 8+0 packets, 2016-07-21T13:29:59.000Z to 2016-07-21T13:30:01.000Z, interfaces 1>1, systems 0>0",
		}},
		{"ipfix_test_procera_tpl52935.dat ipfix_test_procera_data52935.dat", 8, 0, "", facts{
			7: "138.44.161.14:33689 > 138.44.161.13:179 by 6, 0+0 bytes, 0+0 packets, 2018-04-15T03:25:00.000Z to 2018-04-15T03:30:00.000Z, interfaces 0>0, systems 7575>7575",
		}},
		{"ipfix_test_viptela_tpl257.dat ipfix_test_viptela_data257.dat", 1, 0, "", facts{
			0: "10.113.7.54:41717 > 172.16.21.27:443 by 6, 775+0 bytes, 8+0 packets, 2017-11-21T14:32:15.000Z to 2017-11-21T14:32:15.000Z, interfaces 11>3, systems 0>0",
		}},
		{"ipfix_test_vmware_vds_tpl.dat ipfix_test_vmware_vds_data264.dat ipfix_test_vmware_vds_data266.dat ipfix_test_vmware_vds_data266_267.dat", 5, 0, "", facts{
			0: "172.18.65.21:61209 > 172.18.65.211:5985 by 6, 100+0 bytes, 2+0 packets, 2016-12-22T12:17:37.000Z to 2016-12-22T12:17:37.000Z, interfaces 3>11, systems 0>0",
			1: "172.18.65.91:138 > 172.18.65.255:138 by 17, 229+0 bytes, 1+0 packets, 2016-12-22T12:17:42.000Z to 2016-12-22T12:17:42.000Z, interfaces 2>10, systems 0>0",
			2: "172.18.65.91:138 > 172.18.65.255:138 by 17, 229+0 bytes, 1+0 packets, 2016-12-22T12:17:42.000Z to 2016-12-22T12:17:42.000Z, interfaces 3>11, systems 0>0",
			3: "172.18.65.21:61329 > 224.0.0.252:5355 by 17, 104+0 bytes, 2+0 packets, 2016-12-22T12:25:49.000Z to 2016-12-22T12:25:49.000Z, interfaces 3>11, systems 0>0",
			4: "fe80::5187:5cd8:d750:cdc9:61329 > ff02::1:3:5355 by 17, 144+0 bytes, 2+0 packets, 2016-12-22T12:25:49.000Z to 2016-12-22T12:25:49.000Z, interfaces 3>11, systems 0>0",
		}},
		{"ipfix_test_yaf_tpls_option_tpl.dat ipfix_test_yaf_tpl45841.dat ipfix_test_yaf_data45841.dat ipfix_test_yaf_data45873.dat ipfix_test_yaf_data53248.dat", 2, 1, "", facts{
			0: "172.16.32.201:46086 > 172.16.32.100:53 by 17, 132+200 bytes, 2+2 packets, 2016-12-25T12:58:35.818Z to 2016-12-25T12:58:35.819Z, interfaces 0>0, systems 0>0",
			1: "172.16.32.100:63499 > 172.16.32.215:9997 by 6, 172+92 bytes, 4+2 packets, 2016-12-25T12:58:33.345Z to 2016-12-25T12:58:34.347Z, interfaces 0>0, systems 0>0",
		}},
		{"netflow5.dat", 2, 0, "wrong-count", facts{
			0: "10.0.2.2:54435 > 10.0.2.15:22 by 6, 230+0 bytes, 5+0 packets, 2015-05-02T18:38:04.898Z to 2015-05-02T18:38:07.476Z, interfaces 0>0, systems 0>0",
			1: "10.0.2.15:22 > 10.0.2.2:54435 by 6, 304+0 bytes, 4+0 packets, 2015-05-02T18:38:04.898Z to 2015-05-02T18:38:07.476Z, interfaces 0>0, systems 0>0",
		}},
		{"netflow5_test_invalid01.dat", 30, 0, "truncated", nil},
		{"netflow5_test_invalid02.dat", 30, 0, "truncated", nil},
		{"netflow5_test_juniper_mx80.dat", 29, 0, "", facts{
			28: "66.249.92.75:37387 > 192.168.0.1:80 by 6, 104+0 bytes, 2+0 packets, 2016-07-21T13:52:33.936Z to 2016-07-21T13:52:33.936Z, interfaces 542>536, systems 15169>64496",
		}},
		{"netflow5_test_microtik.dat", 30, 0, "", facts{
			29: "10.0.8.1:80 > 192.168.0.1:51826 by 6, 11442+0 bytes, 13+0 packets, 2016-07-21T13:51:42.254Z to 2016-07-21T13:51:42.254Z, interfaces 13>46, systems 0>0",
		}},
		{"netflow9_cisco_asr1001x_tpl259.dat", 25, 0, "", nil},
		{"netflow9_test_0length_fields_tpl_data.dat", 10, 0, "", facts{
			9: "192.168.1.33:0 > 239.255.255.250:0 by 2, 32+0 bytes, 1+0 packets, 2016-12-23T01:34:51.569Z to 2016-12-23T01:34:51.569Z, interfaces 2>3, systems 0>0",
		}},
		{"netflow9_test_cisco_1941K9.dat", 29, 0, "", nil},
		{"netflow9_test_cisco_aci_tpl256-258.dat netflow9_test_cisco_aci_data256.dat", 3, 0, "", facts{
			0: "10.154.231.145:179 > 10.154.231.146:49411 by 6, 99+0 bytes, 2+0 packets, 2018-10-15T11:28:04.019Z to 2018-10-15T11:28:23.066Z, interfaces 369139712>0, systems 0>0",
		}},
		{"netflow9_test_cisco_asa_1_tpl.dat netflow9_test_cisco_asa_1_data.dat", 14, 0, "", facts{
			1: "192.168.23.22:17549 > 164.164.37.11:2048 by 1, 56+0 bytes, 0+0 packets, 2015-10-09T09:47:48.169Z to 2015-10-09T09:47:51.000Z, interfaces 2>3, systems 0>0",
		}},
		{"netflow9_test_cisco_asa_2_tpl_26x.dat netflow9_test_cisco_asa_2_tpl_27x.dat netflow9_test_cisco_asa_2_data.dat", 19, 0, "", facts{
			18: "192.168.0.1:56651 > 192.168.0.18:80 by 6, 69+14178 bytes, 0+0 packets, 2016-07-21T13:50:36.395Z to 2016-07-21T13:50:37.000Z, interfaces 3>4, systems 0>0",
		}},
		{"netflow9_test_cisco_asr9k_opttpl256.dat netflow9_test_cisco_asr9k_data256.dat", 0, 19, "", nil},
		{"netflow9_test_cisco_asr9k_opttpl257.dat netflow9_test_cisco_asr9k_tpl266.dat netflow9_test_cisco_asr9k_opttpl334.dat", 0, 0, "", nil},
		{"netflow9_test_cisco_asr9k_tpl260.dat netflow9_test_cisco_asr9k_data260.dat", 21, 0, "", facts{
			20: "10.0.29.46:443 > 10.0.15.38:52364 by 6, 112+0 bytes, 2+0 packets, 2016-12-06T10:08:52.377Z to 2016-12-06T10:08:53.964Z, interfaces 75>158, systems 15169>64498",
		}},
		{"netflow9_test_cisco_nbar_opttpl260.dat", 0, 15, "", nil},
		{"netflow9_test_cisco_nbar_tpl262.dat netflow9_test_cisco_nbar_data262.dat", 5, 0, "", facts{
			4: "10.10.172.60:45269 > 10.30.19.180:161 by 17, 2794+0 bytes, 36+0 packets, 2017-02-14T11:10:19.936Z to 2017-02-14T11:10:20.008Z, interfaces 1>0, systems 0>0",
		}},
		{"netflow9_test_cisco_wlc_8510_tpl_262.dat", 0, 0, "", nil},
		{"netflow9_test_cisco_wlc_tpl.dat netflow9_test_cisco_wlc_data261.dat", 0, 0, "no-addresses", nil},
		{"netflow9_test_field_layer2segmentid_tpl.dat netflow9_test_field_layer2segmentid_data.dat", 1, 0, "", facts{
			0: "192.168.200.136:61926 > 80.82.237.40:445 by 6, 52+0 bytes, 1+0 packets, 2018-01-16T09:44:47.000Z to 2018-01-16T09:44:47.000Z, interfaces 7>0, systems 0>0",
		}},
		{"netflow9_test_fortigate_fortios_521_tpl.dat netflow9_test_fortigate_fortios_521_data256.dat netflow9_test_fortigate_fortios_521_data257.dat", 1, 1, "bad-time", facts{
			0: "192.168.99.7:61910 > 31.13.87.36:443 by 6, 152+0 bytes, 3+0 packets, interfaces 9>3, systems 0>0",
		}},
		{"netflow9_test_fortigate_fortios_542_appid_tpl258-269.dat netflow9_test_fortigate_fortios_542_appid_data258_262.dat", 17, 0, "", facts{
			0: "192.168.100.151:45380 > 182.50.136.239:80 by 6, 748+0 bytes, 6+0 packets, 2018-05-11T00:54:09.580Z to 2018-05-11T00:54:09.990Z, interfaces 8>2, systems 0>0",
		}},
		{"netflow9_test_h3c_netstream_varstring_tpl3281.dat netflow9_test_h3c_netstream_varstring_data3281.dat", 1, 0, "", facts{
			0: "20.20.20.20:137 > 20.20.255.255:137 by 17, 702+0 bytes, 9+0 packets, 2018-07-18T01:34:33.274Z to 2018-07-18T01:35:02.969Z, interfaces 17>0, systems 0>0",
		}},
		{"netflow9_test_h3c_tpl3281.dat netflow9_test_h3c_data3281.dat", 16, 0, "", facts{
			15: "10.22.166.36:0 > 10.21.75.38:0 by 6, 5092+0 bytes, 9+0 packets, 2018-05-21T09:24:03.922Z to 2018-05-21T09:25:03.928Z, interfaces 2662>1743, systems 0>0",
		}},
		{"netflow9_test_huawei_netstream_tpl.dat netflow9_test_huawei_netstream_data.dat", 1, 0, "", facts{
			0: "10.108.219.53:45587 > 10.111.112.204:2598 by 6, 200+0 bytes, 4+0 packets, 2018-01-29T02:56:51.940Z to 2018-01-29T03:02:19.000Z, interfaces 8>31, systems 0>0",
		}},
		{"netflow9_test_invalid01.dat", 2, 1, "", nil},
		{"netflow9_test_iptnetflow_reduced_size_encoding_tpldata260.dat", 12, 0, "no-template", facts{
			11: "2.17.140.47:443 > 10.233.150.21:38164 by 6, 187+0 bytes, 3+0 packets, 2018-02-18T05:46:53.800Z to 2018-02-18T05:46:53.992Z, interfaces 7>8, systems 0>0",
		}},
		{"netflow9_test_juniper_srx_tplopt.dat", 0, 1, "", nil},
		{"netflow9_test_macaddr_tpl.dat netflow9_test_macaddr_data.dat", 29, 1, "", facts{
			0: "172.16.32.1:65058 > 172.16.32.201:22 by 6, 0+0 bytes, 0+0 packets, interfaces 0>0, systems 0>0",
		}},
		{"netflow9_test_nprobe_dpi.dat", 1, 0, "", facts{
			0: "0.0.0.0:0 > 0.0.0.0:0 by 0, 82+0 bytes, 1+0 packets, 1970-01-01T00:08:32.000Z to 1970-01-01T00:08:35.000Z, interfaces 0>0, systems 0>0",
		}},
		{"netflow9_test_nprobe_tpl.dat", 0, 1, "", nil},
		{"netflow9_test_nprobe_tpl.dat netflow9_test_softflowd_tpl_data.dat netflow9_test_nprobe_data.dat", 8, 1, "", facts{
			0: "172.16.32.100:123 > 172.16.32.248:123 by 17, 76+0 bytes, 1+0 packets, 2015-10-08T19:03:46.140Z to 2015-10-08T19:03:46.141Z, interfaces 0>0, systems 0>0",
			7: "172.16.32.201:22 > 172.16.32.1:65058 by 6, 200+0 bytes, 2+0 packets, 2015-10-08T19:05:55.010Z to 2015-10-08T19:05:55.015Z, interfaces 0>0, systems 0>0",
		}},
		{"netflow9_test_paloalto_81_tpl256-263.dat netflow9_test_paloalto_81_data257_1flowset_in_large_zerofilled_packet.dat", 1, 0, "", facts{
			0: "134.220.2.6:88 > 134.220.1.156:50234 by 6, 363+0 bytes, 3+0 packets, 2018-06-06T13:20:02.000Z to 2018-06-06T13:20:02.000Z, interfaces 500010024>500010002, systems 0>0",
		}},
		{"netflow9_test_paloalto_panos_tpl.dat netflow9_test_paloalto_panos_data.dat", 8, 0, "", facts{
			1: "10.32.105.103:39702 > 162.115.24.30:443 by 6, 111+0 bytes, 1+0 packets, 2017-11-13T14:33:52.000Z to 2017-11-13T14:39:31.000Z, interfaces 24>23, systems 0>0",
		}},
		{"netflow9_test_streamcore_tpl_data256.dat netflow9_test_streamcore_tpl_data260.dat", 4, 0, "", facts{
			0: "100.78.40.201:8080 > 10.231.128.150:50073 by 6, 128+0 bytes, 3+0 packets, 2017-01-11T11:47:22.867Z to 2017-01-11T11:47:28.879Z, interfaces 1152>1148, systems 0>0",
			1: "10.231.128.150:50073 > 100.78.40.201:8080 by 6, 172+0 bytes, 4+0 packets, 2017-01-11T11:47:22.866Z to 2017-01-11T11:47:28.886Z, interfaces 1148>1152, systems 0>0",
			2: "100.78.40.201:8080 > 10.27.8.20:53483 by 6, 3943+0 bytes, 10+0 packets, 2017-01-11T11:22:43.939Z to 2017-01-11T11:23:34.936Z, interfaces 1152>1148, systems 0>0",
			3: "10.27.8.20:53483 > 100.78.40.201:8080 by 6, 3052+0 bytes, 11+0 packets, 2017-01-11T11:22:43.939Z to 2017-01-11T11:23:34.954Z, interfaces 1148>1152, systems 0>0",
		}},
		{"netflow9_test_ubnt_edgerouter_tpl.dat netflow9_test_ubnt_edgerouter_data1024.dat netflow9_test_ubnt_edgerouter_data1025.dat", 16, 0, "", facts{
			15: "192.168.1.102:47690 > 10.2.0.95:443 by 6, 3668+0 bytes, 21+0 packets, 2016-09-10T15:02:53.375Z to 2016-09-10T15:23:44.363Z, interfaces 2>4, systems 0>0",
		}},
		{"netflow9_test_unknown_tpl266_292_data.dat", 2, 0, "", facts{
			0: "192.168.0.3:137 > 192.168.0.2:137 by 17, 78+0 bytes, 1+0 packets, 2017-12-01T17:04:26.000Z to 2017-12-01T17:04:26.000Z, interfaces 13>0, systems 0>0",
			1: "192.168.0.4:58130 > 192.168.0.5:6343 by 17, 232+0 bytes, 1+0 packets, 2017-12-01T17:04:29.000Z to 2017-12-01T17:04:29.000Z, interfaces 0>13, systems 0>0",
		}},
		{"netflow9_test_valid01.dat", 7, 0, "", facts{
			0: "172.16.32.100:123 > 172.16.32.248:123 by 17, 76+0 bytes, 1+0 packets, 2015-10-08T19:03:46.140Z to 2015-10-08T19:03:46.141Z, interfaces 0>0, systems 0>0",
		}},
	}
}
