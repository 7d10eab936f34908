//! Network interfaces that are made before what is launched with them.

use aws_sdk_ec2::types as sdk;
use uuid::Uuid;

use super::act::tagged;
use super::observe::tag;
use super::{Cloud, convert, failure};
use crate::domain::call::{Made, Tags};
use crate::domain::failure::Failure;
use crate::domain::observed::Interface;
use crate::domain::tags;

/// The largest page of DescribeNetworkInterfaces.
const PAGE: i32 = 1000;

impl Cloud {
    pub(super) async fn create_interface(
        &self,
        own: &Tags,
        subnet_id: &str,
        group_id: &str,
        token: Uuid,
    ) -> Result<Made, Failure> {
        let call = self
            .ec2
            .create_network_interface()
            .subnet_id(subnet_id)
            .groups(group_id)
            .client_token(token.to_string())
            .tag_specifications(tagged(sdk::ResourceType::NetworkInterface, own));
        let answer = call.send().await.map_err(|error| failure::of("CreateNetworkInterface", &error))?;
        let made = answer.network_interface().and_then(sdk::NetworkInterface::network_interface_id);
        Ok(Made { interface: made.map(str::to_owned), ..Made::default() })
    }

    /// Has EC2 give a public address to what the interface is the first of: at a launch with it, or now if it runs.
    /// A launch itself can ask for that with a new interface only (API reference, InstanceNetworkInterfaceSpecification).
    pub(super) async fn make_public(&self, id: &str) -> Result<(), Failure> {
        let call = self.ec2.modify_network_interface_attribute().network_interface_id(id);
        let sent = call.associate_public_ip_address(true).send().await;
        sent.map(drop).map_err(|error| failure::of("ModifyNetworkInterfaceAttribute", &error))
    }

    pub(super) async fn delete_interface(&self, id: &str) -> Result<(), Failure> {
        let call = self.ec2.delete_network_interface().network_interface_id(id);
        call.send().await.map(drop).map_err(|error| failure::of("DeleteNetworkInterface", &error))
    }

    /// Those that nodes of an environment keep their addresses by; EC2 makes others at each launch, which go by themselves.
    pub(super) async fn addresses(&self, ours: &[sdk::Filter]) -> Result<Vec<Interface>, Failure> {
        let found = self.interfaces([ours, &[tag(tags::ROLE, tags::ROLE_ADDRESS)]].concat()).await?;
        Ok(found.iter().filter_map(convert::interface).collect())
    }

    pub(super) async fn interfaces(&self, filters: Vec<sdk::Filter>) -> Result<Vec<sdk::NetworkInterface>, Failure> {
        let pages = self.ec2.describe_network_interfaces().set_filters(Some(filters)).into_paginator();
        let found: Result<Vec<_>, _> = pages.page_size(PAGE).items().send().collect().await;
        found.map_err(|error| failure::of("DescribeNetworkInterfaces", &error))
    }
}
